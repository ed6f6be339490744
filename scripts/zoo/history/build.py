"""What lies in a zoo as lines of history, and the line of each artifact that a build appends at its end.

Read each time a build starts, so the standard library is all it needs.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from zoo.config.artifacts import ARTIFACTS
from zoo.config.outputs.paths import HISTORY, PROOFS, model_folder
from zoo.config.records.benchmark import Benchmark
from zoo.config.records.evaluation import Evaluation
from zoo.config.records.verification import Verification
from zoo.config.zoo import Zoo
from zoo.errors import ZooError
from zoo.history import lines
from zoo.history.environment import Environment
from zoo.history.figures import Figures, figures_of

_VERIFIED, _EVALUATED, _TIMED = (f".{proof}" for proof in PROOFS)


def gather(
    proofs: Iterable[str | Path], environment: Environment, with_layers: bool = False
) -> list[Figures]:
    """The line of each artifact that has a verification among these proofs, in their order.

    with_layers: see `figures_of`. Raises ZooError for a proof that is broken or of another version.
    """
    paths = {str(path) for path in proofs}
    found = []
    for path in sorted(path for path in paths if path.endswith(_VERIFIED)):
        stem = path.removesuffix(_VERIFIED)
        evaluation, benchmark = f"{stem}{_EVALUATED}", f"{stem}{_TIMED}"
        found.append(
            figures_of(
                Verification.read(path),
                Evaluation.read(evaluation) if evaluation in paths else None,
                Benchmark.read(benchmark) if benchmark in paths else None,
                environment,
                with_layers,
            )
        )
    return found


def record(zoo: Zoo, home: Path) -> None:
    """Append what lies in the working folder, of the declared models, to the history, as far as it is new.

    Whatever is wrong is a note, for a build has ended by itself when this is called. home: the folder of
    ncnn-zoo, whose commit counts where the working folder has none.
    """
    environment = Environment.now(Path(), home)
    present = []
    for device in zoo.all_devices:
        for model in zoo.models:
            for artifact in ARTIFACTS:
                stem = f"{model_folder(device, model)}/{artifact}"
                paths = [path for proof in PROOFS if Path(path := f"{stem}.{proof}").is_file()]
                try:
                    present += gather(paths, environment)
                except ZooError as error:
                    _note(f"not in the history: {error}")
    if not present:
        return
    try:
        _, sentences = lines.append(Path(HISTORY), present)
    except ZooError as error:
        sentences = [f"nothing was added to the history: {error}"]
    for sentence in sentences:
        _note(sentence)


def _note(sentence: str) -> None:
    print(f"note: {sentence}", file=sys.stderr)
