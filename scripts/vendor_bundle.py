"""Bundle the opset-11 model with calibration images and a configuration for a vendor's toolchain."""

from pathlib import Path
from typing import Any

import onnx

from zoo.deploy.vendor import IMAGES, write_bundle
from zoo.errors import ZooError
from zoo.images.inputs import IMAGE
from zoo.images.preprocess import Preprocess
from zoo.images.sets import CalibrationSet, ImageSet, spread
from zoo.jobs.records import read_json
from zoo.jobs.reporting import reporting


def main(model: str, path: str, card: str, images: dict[str, Any], data_type: str, output: str) -> None:
    described = read_json(card)
    record = Preprocess.from_dict(described["preprocess"])
    if len(described["inputs"]) != 1 or described["inputs"][0]["values"] != IMAGE:
        raise ZooError("a vendor bundle is for models of one image; give the toolchain opset11.onnx itself")
    collected = CalibrationSet.of(ImageSet.from_dict(images)).collected
    name = onnx.load(path, load_external_data=False).graph.input[0].name
    write_bundle(model, Path(path), name, spread(collected, IMAGES), record, data_type, output)


if __name__ == "__main__":
    files, params, names = snakemake.input, snakemake.params, snakemake.wildcards
    with reporting(snakemake.log[0], f"vendor bundle {names.device}/{names.model}"):
        main(names.model, files.onnx, files.card, params.images, params.data_type, snakemake.output[0])
