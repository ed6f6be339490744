"""The baseline: lines of history that people keep, to compare later builds with.

Read each time a build starts, so the standard library is all it needs.
"""

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from zoo.config.artifacts import ARTIFACTS
from zoo.config.outputs.paths import PROOFS, model_folder
from zoo.config.zoo import Zoo
from zoo.errors import ZooError
from zoo.history import lines
from zoo.history.figures import Figures
from zoo.jobs.files import replacing


def write(path: str | Path, kept: Iterable[Figures]) -> None:
    """Replace a baseline."""
    text = "".join(map(lines.line, kept))
    with replacing(path) as (temporary,):
        temporary.write_text(text, encoding="utf-8")


def read(path: str | Path) -> list[Figures]:
    """The lines of a baseline. Raises ZooError if there is none, or if a line cannot be read."""
    if not Path(path).is_file():
        raise ZooError(
            f"{path}: there is no baseline; keep one of a build that is good: snakemake keep_baseline"
        )
    kept, sentences = lines.read(Path(path))
    if sentences or not kept:
        fault = "; ".join(sentences) or f"{path}: it has no line"
        raise ZooError(f"{fault}; take it from version control, or keep one anew: snakemake keep_baseline")
    return kept


@dataclass(frozen=True)
class Asked:
    """What a baseline asks of a zoo. proofs: what must be made to compare with it. undeclared: its artifacts
    that the zoo no longer has; elsewhere: those of devices that this machine does not build for."""

    proofs: tuple[str, ...]
    undeclared: tuple[str, ...]
    elsewhere: tuple[str, ...]


def asked(zoo: Zoo, devices: Collection[str]) -> Asked:
    """The same for the zoo's own baseline; of one that `read` refuses nothing: the job that compares says so.
    devices: that are built for."""
    proofs: list[str] = []
    undeclared, elsewhere = [], []
    lines_kept: list[Figures] = []
    with suppress(ZooError):
        lines_kept = read(zoo.baseline)
    for kept in lines_kept:
        if kept.model not in zoo.models or kept.artifact not in ARTIFACTS:
            undeclared.append(kept.name)
        elif kept.device not in devices:
            elsewhere.append(kept.name)
        else:
            stem = f"{model_folder(kept.device, kept.model)}/{kept.artifact}"
            proofs += [f"{stem}.{proof}" for proof in PROOFS if _has(kept, proof)]
    return Asked(tuple(proofs), tuple(undeclared), tuple(elsewhere))


def margins(zoo: Zoo) -> dict[str, dict[str, float]]:
    """How much worse each model's figures may be, as plain values for a job."""
    return {name: asdict(model.settings.regression) for name, model in zoo.models.items()}


def _has(kept: Figures, proof: str) -> bool:
    """Whether a line has figures of a proof, of which a verification is always there."""
    by_proof = {"eval.json": "evaluated_agreement top1", "bench.json": "latency_ms fps"}
    measures = by_proof.get(proof, "").split()
    return not measures or any(kept.value(measure) is not None for measure in measures)
