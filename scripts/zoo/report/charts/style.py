"""What the page's charts share. A chart is a plotly figure as a plain dictionary; the browser draws it.

Colours of text, lines and background are left to the page's style sheet, which knows light, dark and print.
"""

import math
from typing import Any

Figure = dict[str, Any]

COLOURS = {
    "fp32": "#4c7fb8",
    "fp16": "#2a9d78",
    "bf16": "#8c8a1f",
    "w8": "#c2568f",
    "w6": "#9b6bc9",
    "w4": "#c8553d",
    "int8": "#d97a2b",
}
"""By precision; each at least 3:1 against a white and a near-black page."""
OTHER_COLOUR = "#8a6fb0"
GREY = "#8b94a1"

_LARGEST, _SMALLEST = 34.0, 8.0  # marker diameters in pixels


def colour(precision: str) -> str:
    """The colour of a precision; `int8 static` has that of `int8`."""
    return COLOURS.get(precision.split(" ")[0], OTHER_COLOUR)


def layout(across: str, up: str) -> Figure:
    """Axes with these titles on a transparent ground, the legend below."""
    axis = {"gridcolor": "rgba(128,136,145,0.25)", "zeroline": False, "automargin": True}
    return {
        "font": {"family": "system-ui, sans-serif", "size": 12},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 56, "r": 28, "t": 24, "b": 48},
        "hovermode": "closest",
        "hoverlabel": {"align": "left"},
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"},
        "xaxis": axis | {"title": {"text": across}},
        "yaxis": axis | {"title": {"text": up}},
    }


BASE = layout("", "")
"""What the layouts of a page's charts share: the page has it once."""


def beyond_base(figure: Figure) -> Figure:
    """A figure whose layout leaves out what it shares with `BASE`."""
    return figure | {"layout": _beyond(figure["layout"], BASE)}


def _beyond(own: Figure, base: Figure) -> Figure:
    found = {}
    for key, value in own.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            value = _beyond(value, base[key])
            if value:
                found[key] = value
        elif key not in base or base[key] != value:
            found[key] = value
    return found


def diameter(size: int | None, largest: int) -> float:
    """Of a marker in pixels, for the area to stand for a file's size, as far as it can still be seen."""
    return round(max(_SMALLEST, _LARGEST * math.sqrt((size or 0) / largest)), 1)
