"""One page of the made-up zoo for all modules."""

from dataclasses import replace

import pytest

from samples.history import course
from samples.page import Page
from samples.report import zoo
from zoo.report.page import render_html
from zoo.report.row import rows


@pytest.fixture(scope="package")
def built():
    digits, *others = zoo()
    history = [
        line
        for place in (("fp32", "cpu"), ("fp16", "cpu"), ("int8", "cpu"), ("int8", "gpu"))
        for line in course("convnext_digits", *place)
    ]
    models = [replace(digits, history=history), *others]
    table = rows(models)
    return models, table, render_html(table, models)


@pytest.fixture(scope="package")
def page(built):
    return Page(built[2])
