"""The bundle that a vendor's toolchain starts from: an ONNX file, calibration images, and its configuration.

Written for `hb_mapper makertbin`, which compiles a model for the D-Robotics RDK X5 (march bayes-e). Read in
D-Robotics/rdk_doc, "Principles and Steps of PTQ" (toolchain_development/intermediate/ptq_process.md), and in
D-Robotics/rdk_model_zoo, demos/classification/ConvNeXt/yaml: with `norm_type: data_mean_and_scale` the
toolchain puts (pixel - mean) * scale before the model, so that mean_value = 255 mean, scale_value =
1 / (255 std), and a calibration file holds the pixels, 0 to 255, before that: raw, in the model's layout and
channel order, one file an image. At run time the model takes NV12, whose colour has half the resolution.
"""

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from zoo.config.records.card import ModelCard
from zoo.config.records.verification import Verification
from zoo.errors import ZooError
from zoo.images.decode import pixels
from zoo.images.preprocess import Preprocess, mean_norm, prepare_uint8
from zoo.images.sets import Sample, spread
from zoo.jobs.files import replacing

IMAGES = 100
"""Calibration images in a bundle, at most: about as many as the toolchain asks for."""

DATA_TYPES = {"float32": "f32", "uint8": "u8"}
"""Type of the numbers in a calibration file -> the end of the folder's name, which the toolchain looks at."""

ONNX, MAPPER = "opset11.onnx", "mapper.yaml"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip archive can hold


def mapper(model: str, record: Preprocess, name: str, data_type: str) -> dict[str, Any]:
    """The configuration of `hb_mapper makertbin` for a model whose ONNX file lies beside it.

    name: of the file's input.

    Raises ZooError for a type of calibration data that the toolchain does not read, for other than three
    channels, and for a size with an odd edge, which NV12 does not have.
    """
    if data_type not in DATA_TYPES:
        raise ZooError(f"calibration data is {' or '.join(DATA_TYPES)}, not {data_type}")
    if len(record.mean) != 3:
        raise ZooError(
            f"the toolchain prepares images of three channels, and this model takes {len(record.mean)}"
        )
    height, width = record.size
    if height % 2 or width % 2:
        raise ZooError(
            f"an input of {width}x{height} has an odd edge, which NV12 cannot; choose an even size"
        )
    mean, scale = (" ".join(f"{value:.9g}" for value in values) for values in mean_norm(record))
    return {
        "model_parameters": {
            "onnx_model": ONNX,
            "march": "bayes-e",
            "output_model_file_prefix": f"{model}_{width}x{height}_nv12",
            "working_dir": "model_output",
            "layer_out_dump": False,
        },
        "input_parameters": {
            "input_name": name,
            "input_type_rt": "nv12",
            "input_type_train": record.channels.lower(),
            "input_layout_train": "NCHW",
            "input_shape": f"1x3x{height}x{width}",
            "norm_type": "data_mean_and_scale",
            "mean_value": mean,
            "scale_value": scale,
        },
        "calibration_parameters": {
            "cal_data_dir": f"calibration_{DATA_TYPES[data_type]}",
            "cal_data_type": data_type,
            "calibration_type": "default",
        },
        "compiler_parameters": {"compile_mode": "latency", "debug": False, "optimize_level": "O3"},
    }


def write_vendor_bundle(
    card: ModelCard,
    proof: Verification,
    onnx: Path,
    samples: Sequence[Sample],
    data_type: str,
    path: str | Path,
) -> None:
    """Write the bundle of an opset-11 file as a zip archive, the same bytes for the same content.

    proof: the file's verification. samples: calibration images, of which at most `IMAGES` are taken, evenly
    spread. Raises ZooError for a model that takes anything but one image, for another file than the one that
    was verified, and what `mapper` does.
    """
    if not card.takes_one_image:
        raise ZooError("a vendor bundle is for models of one image; give the toolchain opset11.onnx itself")
    record = card.preprocess
    model = onnx.read_bytes()
    proof.check_hash(onnx, hashlib.sha256(model).hexdigest())
    configuration = mapper(card.name, record, input_name(model), data_type)
    folder = configuration["calibration_parameters"]["cal_data_dir"]
    text = "# hb_mapper makertbin --model-type onnx --config mapper.yaml\n"
    text += yaml.safe_dump(configuration, sort_keys=False)
    with (
        replacing(path) as (temporary,),
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for index, sample in enumerate(spread(samples, IMAGES)):
            image = prepare_uint8(pixels(sample), record).transpose(2, 0, 1).astype(np.dtype(data_type))
            _add(archive, f"{folder}/{index:04d}.{record.channels.lower()}", image.tobytes())
        _add(archive, MAPPER, text.encode())
        _add(archive, ONNX, model)


def input_name(model: bytes) -> str:
    """What an ONNX file of these bytes calls its first input."""
    from onnx import load_from_string

    return str(load_from_string(model).graph.input[0].name)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)
