"""The zoo's report: one row per artifact, as a table, a page that opens offline, and remarks in words.

What goes in are the JSON records of the other stages, already parsed; what comes out is text.
The page's parts lie beside the modules: `page.html.j2`, `model.html.j2`, `page.css`, `page.js`.
"""

from zoo.report.findings import remarks
from zoo.report.page import render_html
from zoo.report.row import ModelRecords, Row, render_csv, rows
from zoo.report.summary import render_summary, render_summary_csv

__all__ = [
    "ModelRecords",
    "Row",
    "remarks",
    "render_csv",
    "render_html",
    "render_summary",
    "render_summary_csv",
    "rows",
]
