"""Programs that classify images with an ncnn artifact, in C++ and in Python, from the model's own record."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.config.records.card import LOGITS, ModelCard
from zoo.images.preprocess import Preprocess, fill_colour, mean_norm
from zoo.ncnn.options import KERNELS, Options, options
from zoo.targets.cmake import NCNN, SHARED

HERE = Path(__file__).parent
CHANNELS = ("RGB", "BGR")
# How far Pillow's filters reach, in pixels of the smaller of the two images (src/libImaging/Resample.c).
_SUPPORT = {"nearest": 0, "box": 0.5, "bilinear": 1, "hamming": 1, "bicubic": 2, "lanczos": 3}


def obstacle(card: ModelCard) -> str | None:
    """Why there are no programs for a model, by its card, as what it "is" or "takes"; None if there are."""
    if not card.classifies:
        return "is no classifier"
    if not card.takes_one_image:
        return "takes no image" if len(card.inputs) == 1 else "takes several inputs"
    channels = card.preprocess.channels
    return None if channels in CHANNELS else f"takes images of the channels {channels}"


def programs(
    record: Preprocess,
    artifact: str,
    device: str = "cpu",
    output: str = LOGITS,
    chosen: Options | None = None,
) -> dict[str, str]:
    """File name -> text of the programs that run `artifact`.param and .bin: predict.py; main.cpp with
    preprocess.h and CMakeLists.txt. output: what the numbers are, see `zoo.config.records.card.OUTPUTS`.
    chosen: the options that the artifact was verified with.

    Both see the pixels of `zoo.images.preprocess.prepare_uint8`, bit by bit, if they decode the image alike,
    and have ncnn compute as `zoo.runners` does for the artifact on the device.

    The model must have no `obstacle`.
    """
    height, width = record.size
    scaled_height, scaled_width = record.scaled_size
    mean, norm = mean_norm(record)
    fill = fill_colour(record)
    values = {
        "artifact": artifact,
        "device": device,
        "output": output,
        "options": runtime_options(artifact, chosen.switches if chosen else {}),
        "threads": chosen.threads if chosen else None,
        "record": record,
        "height": height,
        "width": width,
        "scaled_height": scaled_height,
        "scaled_width": scaled_width,
        "by_edge": record.crop_mode == "center" and scaled_height == scaled_width,
        "support": _SUPPORT[record.interpolation],
        "fill": fill,
        "mean": mean,
        "norm": norm,
    }
    names = ("predict.py", "main.cpp", "preprocess.h", "CMakeLists.txt")
    return {name: render(name, values) for name in names}


def build_files(device: str) -> dict[str, str]:
    """File name -> text of what CMakeLists.txt asks for beside the programs; for a GPU, whose driver no
    static program can open, nothing."""
    return {} if device == "gpu" else {name: (NCNN / name).read_text("utf-8") for name in SHARED}


def runtime_options(precision: str, switches: Mapping[str, bool] | None = None) -> dict[str, bool]:
    """Where the settings of a precision, and the switches over them, differ from those that ncnn has by
    itself, which fp16 files keep."""
    usual = options("fp16", dict.fromkeys(KERNELS, True))
    return {name: on for name, on in options(precision, switches).items() if on != usual[name]}


def render(name: str, values: dict[str, Any]) -> str:
    """The file `name` from its template here."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cpp"] = _cpp_float
    return environment.get_template(f"{name}.j2").render(values)


def _cpp_float(value: float) -> str:
    """A C++ literal that reads back as the same fp32 number."""
    text = f"{value:.9g}"
    return (text if "." in text or "e" in text else text + ".0") + "f"
