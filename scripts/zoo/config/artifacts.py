"""The artifacts of a model, and where they lie: results/<device>/<model>/<file>, the model cards in
results/weights.

Only the standard library is imported: a build reads this each time it starts.
"""

import shlex
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from zoo.errors import ZooError
from zoo.jobs.files import regular
from zoo.jobs.records import read_json

DEVICES = ("cpu", "gpu")
PRECISIONS = ("fp32", "fp16", "bf16", "w8", "w6", "w4", "int8")
"""From the exact to the coarse: the order of gates, and of the report."""

FORMATS = {"ncnn": "ncnn", "onnxruntime": "ONNX", "torch": "TorchScript"}
"""A runtime -> the format that it reads, by the name that people give it."""


@dataclass(frozen=True)
class ArtifactKind:
    """One of the artifacts that every model has: its name, precision, the runtime that executes it, and the
    names of its files."""

    name: str
    precision: str
    runtime: str
    files: tuple[str, ...]

    @property
    def format(self) -> str:
        """The format of its files, as people call it: ncnn, ONNX, TorchScript."""
        return FORMATS[self.runtime]

    @property
    def variant(self) -> str:
        """Its precision with what tells artifacts of that precision and one format apart: `int8 static`."""
        return self.precision if self.runtime == "torch" else self.name.partition(".")[0].replace("_", " ")

    def of(self, device: str, model: str) -> dict[str, str]:
        """A model's artifact of this kind, as the scripts' `Artifact.of` takes it beside its files."""
        names = {"model": model, "device": device, "name": self.name}
        return names | {"precision": self.precision, "runtime": self.runtime}

    @property
    def stage(self) -> str:
        """What it is a product of: `export`, `onnx`, `ncnn`, or `int8`, which a search comes before."""
        return (
            "int8"
            if self.name == "int8"
            else {"torch": "export", "onnxruntime": "onnx"}.get(self.runtime, "ncnn")
        )

    @property
    def searched(self) -> bool:
        """Whether its recipe is chosen, by what its layers cost, and the file measured when it is made."""
        return self.name in ("int8", *FEW_BITS)

    @property
    def deployable(self) -> bool:
        """Whether a deploy bundle is made of it."""
        return self.runtime == "ncnn"


def _by_name(*kinds: ArtifactKind) -> dict[str, ArtifactKind]:
    return {kind.name: kind for kind in kinds}


ARTIFACTS = _by_name(
    ArtifactKind("torchscript", "fp32", "torch", ("torchscript.pt",)),
    ArtifactKind("fp32.onnx", "fp32", "onnxruntime", ("fp32.onnx",)),
    ArtifactKind("fp32", "fp32", "ncnn", ("fp32.param", "fp32.bin")),
    ArtifactKind("fp16", "fp16", "ncnn", ("fp16.param", "fp16.bin")),
    ArtifactKind("bf16", "bf16", "ncnn", ("bf16.param", "bf16.bin")),
    ArtifactKind("w8", "w8", "ncnn", ("w8.param", "w8.bin")),
    ArtifactKind("w6", "w6", "ncnn", ("w6.param", "w6.bin")),
    ArtifactKind("w4", "w4", "ncnn", ("w4.param", "w4.bin")),
    ArtifactKind("int8", "int8", "ncnn", ("int8.param", "int8.bin")),
    ArtifactKind("fp16.onnx", "fp16", "onnxruntime", ("fp16.onnx",)),
    ArtifactKind("int8_static.onnx", "int8", "onnxruntime", ("int8_static.onnx",)),
    ArtifactKind("int8_dynamic.onnx", "int8", "onnxruntime", ("int8_dynamic.onnx",)),
    ArtifactKind("opset11.onnx", "fp32", "onnxruntime", ("opset11.onnx",)),
)
BY_NAME = ("bf16", "w8", "w6", "w4", "int8_dynamic.onnx", "opset11.onnx")
"""Of these, the ones that are built only if config.yaml lists them, or when they are asked for."""
FEW_BITS = ("w6", "w4")
"""Those with weights of few bits in blocks, which ncnn computes on the CPU only."""


_HELP = {
    ("onnxruntime", "int8"): "other ranges (onnx_int8: {calibration: percentile}), nodes that stay float "
    "(onnx_int8: exclude) or more calibration images may help",
    ("ncnn", "int8"): "layers that stay float (int8: exclude) or more calibration images may help",
    ("onnxruntime", "fp16"): "fp32.onnx has what float16 has not",
    ("ncnn", "fp16"): "bf16 has the range that float16 has not, and fp32 the digits too",
    ("ncnn", "bf16"): "fp16 has more digits, and fp32 has all",
    ("ncnn", "w8"): "fp16 has the digits that 8 bits have not",
    ("ncnn", "w6"): "a larger file (w6: {max_size: …}) or w8 has more digits",
    ("ncnn", "w4"): "a larger file (w4: {max_size: …}) or w6 has more digits",
}


def what_helps(artifact: str) -> str:
    """What to try with an artifact that is further from the original than its gates let it; empty if nothing
    is known."""
    kind = ARTIFACTS[artifact]
    return _HELP.get((kind.runtime, kind.precision), "")


ALIKE = 0.85
"""How near a name is to be to one that is taken for it: above what a suffix in common makes."""
OF_MODELS = (".onnx", ".pt", ".torchscript", ".pth", ".ckpt", ".safetensors")
"""Suffixes of files that a model can be made of."""

BEST = ("best.param", "best.bin")
"""Copies of the artifact to ship, which best.json beside them names."""


@dataclass(frozen=True)
class Place:
    """What the path of an artifact's file says: device is None outside of a zoo's folders."""

    kind: ArtifactKind
    files: tuple[Path, ...]
    device: str | None
    card: Path
    """Where its model's card would be in a zoo, which need not be there."""


def locate(path: str | Path) -> Place:
    """The artifact that a file belongs to, such as `results/gpu/mine/int8.param`, and its model's card; of
    `best.param` the one that it was copied from.

    Raises ZooError if a file is missing or no artifact has a file of that name.
    """
    path = Path(path)
    folder = path.absolute().parent
    if path.is_dir():
        raise ZooError(
            f"{path} is a folder; name the file of an artifact in it, such as {path / 'int8.param'}"
        )
    if path.name in BEST:
        record = path.with_name("best.json")
        if not record.is_file():
            raise _missing(path)
        chosen = str(read_json(record).get("artifact"))
        if chosen not in ARTIFACTS or not ARTIFACTS[chosen].deployable:
            raise ZooError(
                f"{record}: {chosen[:40]!r} is no artifact to ship; delete it to have it made again"
            )
        return locate(path.with_name(f"{chosen}{path.suffix}"))
    for kind in ARTIFACTS.values():
        if path.name in kind.files:
            files = tuple(path.parent / name for name in kind.files)
            if missing := [str(file) for file in files if not file.is_file()]:
                raise _missing(missing[0])
            device = folder.parent.name if folder.parent.name in DEVICES else None
            card = folder.parent.parent / "weights" / f"{folder.name}.json"
            return Place(kind, files, device, card)
    raise ZooError(f"{path}: {_no_artifact(path)}")


def _no_artifact(path: Path) -> str:
    """What is said of a file by whose name no artifact goes."""
    names = [BEST[0], *(kind.files[0] for kind in ARTIFACTS.values())]
    there = regular(path).exists()
    said = ("" if there else "there is no such file, and ") + "no artifact has a file of this name"
    if near := get_close_matches(path.name, names, 1, ALIKE):
        return f"{said}; did you mean {near[0]}?"
    if there and path.suffix.lower() in OF_MODELS:
        kind = "ONNX file" if path.suffix.lower() == ".onnx" else "file of a model"
        return (
            f"{said}: what is taken here are the files of a zoo, by their names there "
            f"(results/<device>/<model>/fp32.onnx); for another {kind}: zoo init {shlex.quote(str(path))}"
        )
    return f"{said}; give one of {', '.join(names)}"


def _missing(path: str | Path) -> ZooError:
    return ZooError(f"{path}: there is no such file; build it (snakemake {path})")
