"""TorchScript to ncnn fp32 by the program `pnnx`, whose outcome is judged from what it wrote.

pnnx ends with exit status 0 when it could not convert a layer: it then leaves an operator in the `.param`
that ncnn does not have. It is found inside the installed package, not imported: that would import torch.
"""

import importlib.util
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from zoo.errors import ZooError
from zoo.files import replacing

INPUT, OUTPUT = "in0", "out0"
"""Names that pnnx gives the blobs of a model's only input and output."""


def convert(
    torchscript: str | Path, input_shape: Sequence[int], param_out: str | Path, bin_out: str | Path
) -> str:
    """Convert a traced model to an ncnn pair in fp32; return what pnnx printed.

    `input_shape` is the NCHW shape that the model was traced with. The model's blobs are `INPUT` and
    `OUTPUT`. The same file gives the same bytes wherever it lies. An ONNX file converts in the same way.

    Raises ZooError if there is no pnnx program, if it fails (with its reason) or is killed, or if
    `check_operators` or `check_chunks` refuses the outcome; the targets are then untouched.
    """
    source = Path(torchscript).resolve()
    with replacing(param_out, bin_out) as (param, weights):
        given = source
        if source.suffix != ".onnx":  # which may have its weights in files beside it
            # pnnx writes constants to a file beside its input, and leaves it there when it is killed
            given = param.absolute().with_name(source.name)
            given.symlink_to(source)
        debug_param = param.with_name("pnnx.param")
        settings = {
            "inputshape": f"[{','.join(map(str, input_shape))}]",
            "fp16": 0,
            "ncnnparam": param.resolve(),
            "ncnnbin": weights.resolve(),
            "pnnxparam": debug_param.resolve(),
            # these would be three times the size of the model together; a sink keeps them off the disk
            **dict.fromkeys(("pnnxbin", "pnnxpy", "pnnxonnx", "ncnnpy"), os.devnull),
        }
        command = [str(program()), str(given), *(f"{key}={value}" for key, value in settings.items())]
        run = subprocess.run(
            command,
            cwd=param.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        if run.returncode < 0:
            raise ZooError(
                f"{torchscript}: pnnx was killed by signal {-run.returncode}; is there enough memory?"
            )
        if run.returncode or not param.is_file():
            raise ZooError(f"{torchscript}: pnnx failed, {_reason(run.stdout)}; export the model again")
        check_operators(param.read_text(), torchscript)
        check_chunks(debug_param.read_text(), torchscript)
    return run.stdout


def program() -> Path:
    """Path of the pnnx program in the installed package `pnnx`. Raises ZooError if it is not there."""
    spec = importlib.util.find_spec("pnnx")
    name = "pnnx.exe" if sys.platform == "win32" else "pnnx"
    for folder in (spec and spec.submodule_search_locations) or []:
        if (path := Path(folder) / name).is_file():
            return path
    raise ZooError("the program pnnx is not installed; run: pip install pnnx")


def check_operators(param: str, source: str | Path) -> None:
    """Check the text of an ncnn `.param` that pnnx made of the file `source`.

    Raises ZooError if it has operators that ncnn does not have, told by a dot or colons in the type
    (`aten::addcmul`, `Tensor.reshape`, `pnnx.Expression`), or other blobs than `INPUT` and `OUTPUT` at
    its ends.
    """
    layers = [line.split() for line in param.splitlines()[2:]]
    foreign = Counter(layer[0] for layer in layers if "." in layer[0] or "::" in layer[0])
    if foreign:
        counts = ", ".join(f"{name} ({count})" for name, count in sorted(foreign.items()))
        raise ZooError(
            f"{source}: pnnx left operators that ncnn does not have: {counts}; "
            "the architecture needs a rewrite in scripts/zoo/rewrites that writes them in another form"
        )
    inputs = [layer[1] for layer in layers if layer[0] == "Input"]
    outputs = [blob for layer in layers for blob in layer[4:] if re.fullmatch(r"out\d+", blob)]
    if inputs != [INPUT] or outputs != [OUTPUT]:
        raise ZooError(
            f"{source}: the ncnn model has inputs {inputs} and outputs {outputs}; "
            "export a model that takes one image and returns one tensor"
        )


def check_chunks(pnnx_param: str, source: str | Path) -> None:
    """Check the text of the `.param` in pnnx's own format, which knows the shapes, of the file `source`.

    Raises ZooError on a `torch.chunk` in uneven parts: torch makes the last part the smaller one, ncnn the
    larger one, and the layers behind it would read past the end of it.
    """
    for line in pnnx_param.splitlines():
        if not line.startswith("torch.chunk "):
            continue
        name, blob = line.split()[1], line.split()[4]
        setting = dict(part.split("=", 1) for part in line.split() if "=" in part)
        shape = [int(size) for size in re.findall(r"\d+", setting[f"#{blob}"].split(")")[0])]
        size, parts = shape[int(setting["dim"])], int(setting["chunks"])
        if size % parts:
            raise ZooError(
                f"{source}: {name} splits {size} channels into {parts} uneven parts, which ncnn does not as "
                "torch does; the architecture needs a rewrite in scripts/zoo/rewrites with explicit sizes"
            )


def _reason(log: str) -> str:
    """The first sentence that pnnx printed behind its settings."""
    lines = (line.strip() for line in log.splitlines())
    said = [line for line in lines if line and not re.match(r"\w+ =|#|-|inline module|get inputshape", line)]
    return said[0].split(". ")[0].removesuffix(".") if said else "without a reason"
