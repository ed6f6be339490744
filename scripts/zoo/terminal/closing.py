"""What is said when a build has ended: passed, failed and why, what to ship, and what to do next."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from zoo.config.outputs.paths import RESULTS
from zoo.errors import ZooError
from zoo.report import formats
from zoo.report.records import ModelRecords, read_records
from zoo.report.row import rows
from zoo.report.shipping import Shipment, shipments
from zoo.terminal.failures import Failure
from zoo.terminal.words import some


def closing(places: Iterable[str], failures: Sequence[Failure], folder: Path = Path(RESULTS)) -> list[str]:
    """The lines that end a build that worked on these places, such as `cpu/convnext`."""
    models = _records([place for place in dict.fromkeys(places) if place.count("/") == 1], folder)
    proofs = [proof for model in models for proof in model.verify]
    failed = [proof for proof in proofs if not proof.verdict.passed]
    lines = []
    if proofs:
        passed = some(len(proofs) - len(failed), "artifact")
        lines.append(f"{passed} passed" + (f", {len(failed)} failed:" if failed else ""))
    for proof in failed:
        name = f"{proof.device}/{proof.model}/{proof.artifact}"
        lines.append(f"  {name}: {'; '.join(proof.verdict.failures)}")
        lines.append(f"    {folder}/logs/verify/{name}.log")
    gates = tuple(f"gate {proof.device}/{proof.model}/{proof.artifact}" for proof in failed)
    others = [failure for failure in failures if failure.what not in gates]
    if others:
        lines.append(f"{some(len(others), 'job')} failed:")
    for failure in others:
        lines.append(f"  {failure.reason}")
        lines += [f"    {failure.log}"] if failure.log else []
    ships = shipments(models, rows(models)) if models else []
    if ships:
        lines += ["", "Ship this", *_shipped(ships, folder)]
    return lines + _next(ships, failures, folder)


def _records(places: Sequence[str], folder: Path) -> list[ModelRecords]:
    """Of the models that the build worked on, what was verified and timed on those devices."""
    proofs = [
        path
        for place in places
        for kind in ("verify", "bench", "best")
        for path in sorted((folder / place).glob(f"*{kind}.json"))
        if path.name.endswith(f"{kind}.json")
    ]
    names = dict.fromkeys(place.partition("/")[2] for place in places)
    cards = [card for name in names if (card := folder / "weights" / f"{name}.json").is_file()]
    try:
        return read_records(cards, proofs)
    except (ZooError, OSError):
        return []  # the jobs that read them say what is wrong


def _shipped(ships: Sequence[Shipment], folder: Path) -> list[str]:
    table = []
    for ship in ships:
        place = f"{ship.device}/{ship.model}"
        if ship.row is None:
            table.append((place, "nothing", ship.reason))
            continue
        random = ("random weights",) if ship.row.random_weights else ()
        gains = ", ".join((f"{formats.millions(ship.row.bytes)} MB", *ship.gains, *random))
        table.append((place, f"{folder}/{ship.files[0]}", gains))
    wide = [max(len(line[column]) for line in table) for column in (0, 1)]
    return [f"  {place:{wide[0]}}  {path:{wide[1]}}  {rest}" for place, path, rest in table]


def _next(ships: Sequence[Shipment], failures: Sequence[Failure], folder: Path) -> list[str]:
    if failures:
        return ["", "Next: mend what failed; the same command goes on where it was."]
    best = next((ship for ship in ships if ship.row), None)
    if best is None:
        return []
    commands = [f"snakemake {folder}/{best.device}/{best.model}/best.deploy.zip   (all that a device needs)"]
    pages = (folder / "report.html", folder / "site/index.html")
    commands += [f"see {page}" for page in pages if page.is_file()]
    return [
        "",
        *(f"Next: {command}" if not index else f"      {command}" for index, command in enumerate(commands)),
    ]
