"""One page of the made-up zoo for all modules."""

import pytest

from samples.page import Page
from samples.report import zoo
from zoo.report.page import render_html
from zoo.report.row import rows


@pytest.fixture(scope="package")
def built():
    models = zoo()
    table = rows(models)
    return models, table, render_html(table, models)


@pytest.fixture(scope="package")
def page(built):
    return Page(built[2])
