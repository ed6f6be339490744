"""The course of figures over builds: which lines, which machine, and what a point tells."""

from dataclasses import replace

import pytest

from samples.history import ENVIRONMENT, changed, course, figures
from samples.report import CPU, benchmark, card, evaluation, verification
from zoo.history.figures import Metric
from zoo.report.course import CURVES, HEIGHT, LAST, WIDTH, courses, with_history
from zoo.report.records import ModelRecords


def charts(lines):
    (found,) = courses(lines)
    return dict(zip((curve.name for curve in CURVES), found.charts, strict=True))


def test_an_artifact_has_a_course_from_its_second_build_on():
    assert courses([]) == [] and courses(course("net", builds=1)) == []
    (found,) = courses(course("net", builds=3))
    assert (found.device, found.artifact, found.builds) == ("cpu", "int8", 3)
    lines = [
        line
        for place in (("int8", "gpu"), ("int8", "cpu"), ("fp32", "cpu"))
        for line in course("net", *place)
    ]
    order = [(each.device, each.artifact) for each in courses(lines)]
    assert order == [("cpu", "fp32"), ("cpu", "int8"), ("gpu", "int8")]


def test_points_lie_in_the_order_of_builds_and_as_high_as_their_figure():
    lines = [changed(figures(), sqnr_db=value) for value in (30.0, 50.0, 40.0)]
    chart = charts(lines)["sqnr_db"]
    assert [point.x for point in chart.points] == [7, WIDTH / 2, WIDTH - 7]
    assert [point.y for point in chart.points] == [HEIGHT - 7, 7, HEIGHT / 2]
    assert chart.values == "30.0 → 40.0" and chart.line == "7,37 100,7 193,22"


def test_noise_looks_small():
    lines = [changed(figures(), sqnr_db=value, latency_ms=100 * value) for value in (40.0, 40.1)]
    for name in ("sqnr_db", "latency_ms"):
        first, second = charts(lines)[name].points
        assert abs(first.y - second.y) < HEIGHT / 10


def test_latencies_are_of_the_last_machine_only_and_other_figures_of_all():
    lines = course("net", builds=4)
    assert lines[1].machine.processor == "Another CPU"
    found = charts(lines)
    assert len(found["sqnr_db"].points) == len(found["bytes"].points) == 4
    assert len(found["latency_ms"].points) == 3
    assert not any("Another CPU" in point.hover for point in found["latency_ms"].points)
    (whole,) = courses(lines)
    assert whole.machine == lines[-1].machine


def test_a_point_tells_figure_date_commit_packages_and_machine():
    line = replace(course("net")[-1], commit=None)
    *_, point = charts([figures(), line])["sqnr_db"].points
    assert point.failed and "failed verification" in point.hover
    assert "2026-11-16 08:00:00 UTC, commit unknown" in point.hover
    assert "torch 2.15.0, onnxruntime 1.31.1, ncnn 1.0.20260601" in point.hover and CPU in point.hover


def test_what_was_not_measured_has_no_point_and_what_never_was_no_chart():
    lines = [changed(figures(), latency_ms=None, sqnr_db=value) for value in (None, 40.0, 41.0)]
    found = charts(lines)
    assert found["latency_ms"] is None and len(found["sqnr_db"].points) == 2
    assert found["sqnr_db"].points[0].x == WIDTH / 2, "where its build is"


def test_of_many_builds_the_last_are_drawn():
    lines = [changed(figures(), sqnr_db=float(index)) for index in range(LAST + 5)]
    (found,) = courses(lines)
    assert found.builds == LAST + 5 and len(found.charts[0].points) == LAST


def test_the_present_build_is_the_last_point_unless_it_is_in_the_history():
    model = ModelRecords(card("net"), [verification("net")], [benchmark("net")], [evaluation("net")])
    now = replace(figures(), layers=())
    before = changed(now, sqnr_db=45.0)
    (found,) = with_history([model], [before, figures(model="other")], ENVIRONMENT)
    assert found.history == [before, now]
    (found,) = with_history([model], [before, now], ENVIRONMENT)
    assert found.history == [before, now]


@pytest.mark.parametrize("title", ["SQNR 30.9 dB, failed verification", "Latencies are of one machine only"])
def test_the_page_has_the_charts_without_scripts(page, built, title: str):
    assert title in page.text
    assert sum(tag == "polyline" for tag, _ in page.tags) == 3 * 4
    labels = [attributes["aria-label"] for tag, attributes in page.tags if tag == "svg"]
    assert any(label.startswith("SQNR over 6 builds: 38.5 → 30.9 dB") for label in labels), labels
    assert built[2].count('class="course"') == 1, "one of three models has a history"


def test_percentiles_do_not_matter_to_the_chart():
    lines = [changed(figures(), latency_ms=Metric(value, 0.1, 90.0)) for value in (5.0, 6.0)]
    assert charts(lines)["latency_ms"].values == "5.00 → 6.00"
