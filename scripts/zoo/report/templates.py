"""The templates of pages, and what is laid into them as it is: style, scripts, the library for charts."""

import base64
import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from zoo.report import formats
from zoo.report.section import anchor

if TYPE_CHECKING:
    import jinja2

HERE = Path(__file__).parent

PLOTLY = "plotly-basic.min.js"
"""plotly.js with its basic charts only: the npm package plotly.js-basic-dist-min 4.1.1, under the MIT
licence, as its head says. What the Python package brings is four times as large, in a wheel of 64 MB."""

SCRIPTS = ("state.js", "tables.js", "charting.js", "charts.js", "copy.js")
"""What a page does, in the order in which it runs."""


def plotly() -> str:
    """plotly.js compressed, as text: a page's scripts unpack it with what every browser has (a third of the
    size)."""
    return base64.b64encode(gzip.compress(asset(PLOTLY).encode(), mtime=0)).decode()


def environment(*folders: Path) -> "jinja2.Environment":
    """Jinja's templates of these folders, then of this one; figures are written by `zoo.report.formats`."""
    import jinja2

    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, HERE]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("percent", "cosine", "points", "decibels", "millions", "milliseconds", "rate", "ratio"):
        found.filters[name] = getattr(formats, name)
    found.filters |= {
        "significant": formats.significant,
        "plain": formats.plain,
        "count": formats.count,
        "numbers": formats.numbers,
    }
    found.filters |= {"anchor": anchor, "breakable": breakable}
    # A page of the report has all models, and lies beside the files' folders.
    found.globals |= {"model_link": lambda model: f"#{anchor(model)}", "file_link": quote, "back": "#table"}
    found.globals["heading"] = ""  # of a model's section: its name
    return found


def breakable(name: str) -> Any:
    """A name as HTML that may break after an underscore."""
    from markupsafe import Markup, escape

    return escape(name).replace("_", Markup("_<wbr>"))


def asset(name: str) -> str:
    """The text of a file of this folder."""
    return (HERE / name).read_text(encoding="utf-8")
