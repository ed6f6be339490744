"""The artifacts of a model, and where they lie: results/<device>/<model>/<file>, the model cards in
results/weights.

Only the standard library is imported: a build reads this each time it starts.
"""

from pathlib import Path
from typing import NamedTuple

from zoo.errors import ZooError

DEVICES = ("cpu", "gpu")
# Each artifact of a model: its precision, the runtime that executes it, and its files.
ARTIFACTS = {
    "torchscript": ("fp32", "torch", ("torchscript.pt",)),
    "fp32.onnx": ("fp32", "onnxruntime", ("fp32.onnx",)),
    "fp32": ("fp32", "ncnn", ("fp32.param", "fp32.bin")),
    "fp16": ("fp16", "ncnn", ("fp16.param", "fp16.bin")),
    "bf16": ("bf16", "ncnn", ("bf16.param", "bf16.bin")),
    "w8": ("w8", "ncnn", ("w8.param", "w8.bin")),
    "int8": ("int8", "ncnn", ("int8.param", "int8.bin")),
    "fp16.onnx": ("fp16", "onnxruntime", ("fp16.onnx",)),
    "int8_static.onnx": ("int8", "onnxruntime", ("int8_static.onnx",)),
    "int8_dynamic.onnx": ("int8", "onnxruntime", ("int8_dynamic.onnx",)),
    "opset11.onnx": ("fp32", "onnxruntime", ("opset11.onnx",)),
}
# Of these, the ones that are built only if config.yaml lists them, or when they are asked for.
BY_NAME = ("bf16", "w8", "int8_dynamic.onnx", "opset11.onnx")


class Place(NamedTuple):
    """What the path of an artifact's file says: device is None outside of a zoo's folders."""

    name: str
    precision: str
    runtime: str
    files: tuple[Path, ...]
    device: str | None
    card: Path


def locate(path: str | Path) -> Place:
    """The artifact that a file belongs to, such as `results/gpu/mine/int8.param`, and its model's card.

    Raises ZooError if a file is missing or no artifact has a file of that name.
    """
    path = Path(path)
    folder = path.absolute().parent
    for name, (precision, runtime, names) in ARTIFACTS.items():
        if path.name in names:
            files = tuple(path.parent / each for each in names)
            if missing := [str(file) for file in files if not file.is_file()]:
                raise ZooError(f"{missing[0]}: there is no such file; build it (snakemake {missing[0]})")
            device = folder.parent.name if folder.parent.name in DEVICES else None
            card = folder.parent.parent / "weights" / f"{folder.name}.json"
            return Place(name, precision, runtime, files, device, card)
    known = ", ".join(names[0] for _, _, names in ARTIFACTS.values())
    raise ZooError(f"{path}: no artifact has a file of this name; give one of {known}")
