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
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import SIGABRT

from zoo.errors import ZooError
from zoo.jobs.files import replacing
from zoo.jobs.isolation import ChildDied
from zoo.jobs.lifeline import end_with_parent
from zoo.runners.bounds import give_up, is_unlimited, limit_memory, memory_for
from zoo.runners.confined import EXPORT_SECONDS

Shapes = Sequence[Sequence[int]]


def run_pnnx(
    source_file: str | Path,
    shapes: Shapes,
    param_out: str | Path,
    bin_out: str | Path,
    second_shapes: Shapes | None = None,
    outputs: int = 1,
) -> str:
    """Convert a traced model, or an ONNX file, to an ncnn pair in fp32; return what pnnx printed.

    shapes: of each input, batch included, NCHW for an image. second_shapes: others that the model must take;
    where they differ, the dimensions are dynamic. The model's blobs are in0, in1, … and out0, out1, ….
    outputs: how many it must have. The same file gives the same bytes wherever it lies.

    Raises ZooError if there is no pnnx program, if it fails (with its reason), or if `check_operators` or
    `check_chunks` refuses the outcome, and ChildDied if it crashes or is killed; the targets are untouched
    then.
    """
    source = Path(source_file).resolve()
    with replacing(param_out, bin_out) as (param, weights):
        given = source
        if source.suffix != ".onnx":  # which may have its weights in files beside it
            # pnnx writes constants to a file beside its input, and leaves it there when it is killed
            given = param.resolve().with_name(source.name)
            given.symlink_to(source)
        debug_param = param.with_name("pnnx.param")
        settings = {
            "inputshape": _listed(shapes),
            **({} if second_shapes is None else {"inputshape2": _listed(second_shapes)}),
            "fp16": 0,
            "ncnnparam": param.resolve(),
            "ncnnbin": weights.resolve(),
            "pnnxparam": debug_param.resolve(),
            # these would be three times the size of the model together; a sink keeps them off the disk
            **dict.fromkeys(("pnnxbin", "pnnxpy", "pnnxonnx", "ncnnpy"), os.devnull),
        }
        printed = _run(source_file, [given, *(f"{key}={value}" for key, value in settings.items())], param)
        param.write_text(with_finite_bounds(param.read_text()))
        places = Places.of(debug_param.read_text())
        check_operators(param.read_text(), source_file, len(shapes), outputs, places)
        check_chunks(debug_param.read_text(), source_file)
    return printed


def with_finite_bounds(param: str) -> str:
    """The text of a `.param` whose Clips are bounded by the largest float32 where pnnx wrote infinity, which
    ncnn does not read: the same for all numbers but infinity itself."""
    return re.sub(
        r"^Clip .*",
        lambda line: re.sub(r"(?<= [01]=)(-?)inf\b", r"\g<1>3.40282347e38", line[0]),
        param,
        flags=re.MULTILINE,
    )


def _run(source: str | Path, arguments: Sequence[str | Path], param: Path) -> str:
    """What pnnx printed; it runs parts of the model, so within bounds. Raises ZooError, or ChildDied, unless
    it ended well, and in time, and wrote `param`. The limit on memory is of the file: who meets it meets it
    on every machine, and another way may do."""
    memory_mb, writable = memory_for([source]), [param.parent.resolve(), Path(arguments[0]).parent]

    def within_bounds() -> None:
        end_with_parent()
        give_up(writable)
        limit_memory(memory_mb)

    try:
        done = subprocess.run(
            [program(), *arguments],
            cwd=param.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            preexec_fn=within_bounds,
            timeout=EXPORT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise ZooError(
            f"{source}: pnnx did not end within {EXPORT_SECONDS:g} s, the limit; does the model loop?"
        ) from error
    if done.returncode == -SIGABRT and "bad_alloc" in done.stdout and is_unlimited():
        raise ZooError(
            f"{source}: pnnx asks for more than {memory_mb} MB of memory, the limit for a file of its size"
        )
    if done.returncode < 0:
        raise ChildDied.of(str(source), done.returncode, "pnnx", done.stdout)
    if done.returncode or not param.is_file():
        raise ZooError(f"{source}: pnnx failed, {_reason(done.stdout)}; export the model again")
    return done.stdout


def program() -> Path:
    """Path of the pnnx program in the installed package `pnnx`. Raises ZooError if it is not there."""
    spec = importlib.util.find_spec("pnnx")
    name = "pnnx.exe" if sys.platform == "win32" else "pnnx"
    for folder in (spec and spec.submodule_search_locations) or []:
        if (path := Path(folder) / name).is_file():
            return path
    raise ZooError("the program pnnx is not installed; run: pip install pnnx")


def _listed(shapes: Shapes) -> str:
    return ",".join(f"[{','.join(map(str, shape))}]" for shape in shapes)


class Places:
    """Where in the user's model the operators of pnnx stand: which modules lie before them."""

    def __init__(self, behind: Mapping[str, str]) -> None:
        self._behind = behind

    @classmethod
    def of(cls, pnnx_param: str) -> "Places":
        """From the text of pnnx's own `.param`, in which modules (`nn.Linear blocks.0.attn.qkv …`) have the
        names that the user gave them."""
        behind: dict[str, str] = {}
        last: dict[str, str] = {}
        for kind, name, inputs, outputs, *rest in map(str.split, pnnx_param.splitlines()[2:]):
            blobs = rest[: int(inputs) + int(outputs)]
            given, made = blobs[: int(inputs)], blobs[int(inputs) :]
            known = next((last[blob] for blob in given if blob in last), "")
            named = kind.startswith("nn.") and not re.fullmatch(r"[a-z0-9]+_\d+", name)
            own = name.removeprefix("flattened.") if named else known  # the wrapper `Flattened` is ours
            behind[name] = own
            last |= dict.fromkeys(made, own)
        return cls(behind)

    def sentence(self, names: Sequence[str]) -> str:
        """`, behind blocks.0.attn.qkv and 3 other modules`; empty where nothing is known."""
        found = list(dict.fromkeys(filter(None, map(self._find, names))))
        if not found:
            return ""
        more = f" and {len(found) - 1} other modules" if len(found) > 1 else ""
        return f", behind {found[0]}{more}"

    def _find(self, name: str) -> str:
        """pnnx's last steps put words of their own behind some names."""
        return self._behind.get(name) or self._behind.get(re.sub(r"_ncnn\w*$", "", name), "")


def check_operators(
    param: str, source: str | Path, inputs: int = 1, outputs: int = 1, places: Places | None = None
) -> None:
    """Check the text of an ncnn `.param` that pnnx made of the file `source`.

    Raises ZooError if it has operators that ncnn does not have, told by a dot or colons in the type
    (`aten::addcmul`, `Tensor.reshape`, `pnnx.Expression`), naming the modules that they follow, or other
    blobs at its ends than in0 and so on for its inputs, and out0 and so on for its outputs.
    """
    layers = [line.split() for line in param.splitlines()[2:]]
    foreign = Counter(layer[0] for layer in layers if "." in layer[0] or "::" in layer[0])
    if foreign:
        counts = ", ".join(f"{name} ({count})" for name, count in sorted(foreign.items()))
        where = places.sentence([layer[1] for layer in layers if layer[0] in foreign]) if places else ""
        raise ZooError(
            f"{source}: pnnx left operators that ncnn does not have: {counts}{where}; leave them out of the "
            "model, or write them in another form, as the rewrites in zoo/export/rewrites do"
        )
    fed = {layer[1] for layer in layers if layer[0] == "Input"}
    given = {blob for layer in layers for blob in layer[4:] if re.fullmatch(r"out\d+", blob)}
    wanted = {f"in{place}" for place in range(inputs)}, {f"out{place}" for place in range(outputs)}
    if (fed, given) != wanted:
        raise ZooError(
            f"{source}: the ncnn model has inputs {sorted(fed)} and outputs {sorted(given)}, and should "
            f"have {inputs} and {outputs}; does the model use all of its inputs?"
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
                "torch does; the architecture needs a rewrite in zoo/export/rewrites with explicit sizes"
            )


def _reason(log: str) -> str:
    """The first sentence that pnnx printed behind its settings."""
    lines = (line.strip() for line in log.splitlines())
    said = [line for line in lines if line and not re.match(r"\w+ =|#|-|inline module|get inputshape", line)]
    return said[0].split(". ")[0].removesuffix(".") if said else "without a reason"
