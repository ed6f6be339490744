"""The pages of a zoo, from its records, and the files that they offer: all that a web server, or a browser
without one, needs."""

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from zoo.config.records.verification import Verification
from zoo.config.settings import Best
from zoo.report.artifact_names import sort_key
from zoo.report.charts.depth import line
from zoo.report.charts.style import BASE
from zoo.report.page import COLUMNS, Column, figures_of, of_table
from zoo.report.records import ModelRecords
from zoo.report.row import Row, render_csv
from zoo.report.section import section
from zoo.report.shipping import Shipment, shipments
from zoo.report.templates import PLOTLY, SCRIPTS, asset, environment
from zoo.sweep.tables import Architectures

HERE = Path(__file__).parent
LARGER, SMALLER = 1, -1
BETTER = {
    **dict.fromkeys(("sqnr_db", "agreement", "cosine_min", "top1", "top5", "fps"), LARGER),
    **dict.fromkeys(
        ("bytes", "latency_1_ms", "ratio_1", "latency_all_ms", "ratio_all", "top1_drop"), SMALLER
    ),
}
"""Which of two figures is the better one, where one of them is."""


DIFFERENCES = {"sqnr_db", "agreement", "cosine_min", "top1", "top5", "top1_drop"}
"""Figures whose difference tells more than their ratio."""
BUILDS = 100
"""Lines of the history that a page shows, the newest."""


@dataclass(frozen=True)
class Download:
    """A file that a page offers. path: below the site's folder."""

    name: str
    device: str
    path: str
    bytes: int
    sha256: str


def build_site(
    models: Sequence[ModelRecords],
    rows: Sequence[Row],
    folder: Path,
    results: Path,
    architectures: Architectures | None = None,
    asked: Mapping[str, Best] | None = None,
) -> None:
    """Write the site into an empty folder.

    results: where the artifacts lie; those that passed are offered, as copies. asked: what is to be shipped
    of each model. Raises ZooError for an artifact that is not the one that was verified, or for a record of
    another model.
    """
    pages = _Pages(rows, shipments(models, rows, asked))
    _write(folder / "index.html", pages.index())
    _write(folder / "compare.html", pages.compare(models))
    _write(folder / "architectures.html", pages.architectures(architectures))
    for model in models:
        offered = list(_offer(model.verify, results, folder))
        _write(folder / "models" / f"{model.card.name}.html", pages.model(model, offered))
    _write(folder / "zoo.csv", render_csv(rows))
    for name in ("page.css", PLOTLY, *SCRIPTS):
        _write(folder / "assets" / name, asset(name))
    for name in ("site.css", "compare.js"):
        _write(folder / "assets" / name, (HERE / name).read_text(encoding="utf-8"))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _offer(proofs: Iterable[Verification], results: Path, folder: Path) -> Iterable[Download]:
    for proof in proofs:
        if not proof.verdict.passed:
            continue
        for file in proof.structure.files:
            own = results / proof.device / proof.model / file.name
            if not own.is_file():
                continue
            path = f"files/{proof.device}/{proof.model}/{file.name}"
            copy = folder / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(own, copy)
            proof.check_files([copy])
            yield Download(file.name, proof.device, path, file.bytes, proof.hashes[file.name])


def place(row: Row) -> str:
    """`cpu/net/int8`."""
    return f"{row.device}/{row.model}/{row.artifact}"


class _Pages:
    """The pages as text; every page knows all rows, and what to ship."""

    def __init__(self, rows: Sequence[Row], ships: Sequence[Shipment]) -> None:
        self.rows, self.ships = rows, ships
        self._jinja = environment(HERE)
        self._jinja.filters["place"] = place

    def _render(self, template: str, title: str, root: str, here: str, **values: Any) -> str:
        scripts = [*SCRIPTS, *(["compare.js"] if here == "compare" else [])]
        if here == "compare":
            scripts.remove("charts.js")
        common = {"title": title, "root": root, "here": here, "scripts": scripts}
        links = {  # where the report has a part of itself, or a file of its folder
            "model_link": lambda model: f"{root}models/{quote(model)}.html",
            "file_link": lambda file: f"{root}files/{quote(file)}",
            "back": f"{root}index.html#table",
        }
        return self._jinja.get_template(template).render(**common, **links, **values)

    def index(self) -> str:
        return self._render(
            "index.html.j2",
            "Model zoo",
            "",
            "index",
            verdicts=Counter(row.verdict for row in self.rows),
            shipments=self.ships,
            figures=figures_of(self.rows, []),
            **(of_table(self.rows) | {"csv": "zoo.csv"}),
        )

    def model(self, records: ModelRecords, downloads: Sequence[Download]) -> str:
        name = records.card.name
        own = [row for row in self.rows if row.model == name]
        devices = sorted({row.device for row in own}, key=lambda device: sort_key(device, ""))
        ladders = {device: [row for row in own if row.device == device] for device in devices}
        made = section(records, self.rows)
        return self._render(
            "model.page.html.j2",
            name,
            "../",
            "model",
            section=made,
            shipments=[ship for ship in self.ships if ship.model == name],
            ladders=ladders,
            largest={
                device: max((row.bytes or 0 for row in steps), default=0) or 1
                for device, steps in ladders.items()
            },
            downloads=downloads,
            history=list(reversed(records.history))[:BUILDS],
            heading="Provenance and proofs",
            figures=figures_of([], [made]),
            **of_table(own),
        )

    def compare(self, models: Sequence[ModelRecords]) -> str:
        lines = {
            f"{proof.device}/{proof.model}/{proof.artifact}": line(proof.artifact, proof.divergence.layers)
            for model in models
            for proof in model.verify
            if proof.divergence and proof.divergence.layers
        }
        columns = [column for column in COLUMNS if column.numeric]
        artifacts = {
            "columns": [
                {"title": f"{column.title}, {column.unit}", "better": BETTER.get(column.field, 0)}
                | {"difference": column.field in DIFFERENCES}
                for column in columns
            ],
            "rows": {place(row): [_cell(row, column) for column in columns] for row in self.rows},
        }
        return self._render(
            "compare.html.j2",
            "Compare two artifacts",
            "",
            "compare",
            rows=self.rows,
            artifacts=artifacts,
            figures={"base": BASE, "lines": lines},
        )

    def architectures(self, found: Architectures | None) -> str:
        return self._render(
            "architectures.page.html.j2", "Architectures", "", "architectures", architectures=found
        )


def _cell(row: Row, column: Column) -> dict[str, Any]:
    value = getattr(row, column.field)
    return {"value": value, "text": column.text(value)}
