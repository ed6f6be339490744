"""Run the untouched model in torch and keep its outputs."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from zoo.batches import answers
from zoo.image_files import ModelClasses
from zoo.image_sets import ImageSet, samples
from zoo.images import load as load_images
from zoo.inference import Reference
from zoo.job import reporting
from zoo.preprocess import Preprocess
from zoo.records import read_json
from zoo.spec import ModelSpec
from zoo.state_dict import load


def main(spec: ModelSpec, weights: str, card: str, images: dict[str, Any], threads: int, output: str) -> None:
    about = read_json(card)
    record = Preprocess.from_dict(about["preprocess"])
    image_set = ImageSet.from_dict(images)
    chosen = samples(image_set, ModelClasses.of(about))
    torch.set_num_threads(threads)
    torch.backends.cudnn.allow_tf32 = False  # it rounds products to 10 bits; the reference is float32
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load(spec, weights).to(device)
    inputs = (
        (image,) for _, image in load_images(chosen, record, threads, progress=f"reference {spec.name}")
    )
    logits = [output.ravel() for (output,) in answers(lambda batch: (model(*batch),), inputs, device)]
    labels = np.array([sample.label for sample in chosen]) if image_set.labels else None
    Reference(np.stack(logits), tuple(sample.name for sample in chosen), labels).save(Path(output))


if __name__ == "__main__":
    files, params = snakemake.input, snakemake.params
    spec = ModelSpec.from_dict(params.spec)
    with reporting(snakemake.log[0], f"reference {spec.name} ({snakemake.wildcards.purpose})"):
        main(spec, files.weights, files.card, params.images, snakemake.threads, snakemake.output[0])
