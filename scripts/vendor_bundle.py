"""Bundle the opset-11 model with calibration images and a configuration for a vendor's toolchain."""

from pathlib import Path
from typing import Any

from zoo.config.records.card import ModelCard
from zoo.config.records.verification import Verification
from zoo.deploy.vendor import write_vendor_bundle
from zoo.images.planned import as_planned
from zoo.images.sets import CalibrationSet, ImageSet
from zoo.jobs.reporting import reporting

snakemake: Any


def main(*, onnx: str, card: str, proof: str, images: dict[str, Any], data_type: str, output: str) -> None:
    samples = CalibrationSet.of(ImageSet.from_dict(images)).collected
    record = Verification.read(proof)
    write_vendor_bundle(ModelCard.read(card), record, Path(onnx), samples, data_type, output)


if __name__ == "__main__":
    files, params, names = snakemake.input, snakemake.params, snakemake.wildcards
    images = params.images, params.images_state
    with (
        reporting(snakemake.log[0], f"vendor bundle {names.device}/{names.model}", snakemake),
        as_planned(images),
    ):
        main(
            onnx=files.onnx,
            card=files.card,
            proof=files.proof,
            images=params.images,
            data_type=params.data_type,
            output=snakemake.output[0],
        )
