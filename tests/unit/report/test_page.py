"""The report as a page: its table, what it refers to, and that it is the same each time."""

import csv
import html
import io
import re
from dataclasses import replace

import plotly.graph_objects

from samples.page import Page
from samples.report import benchmark, card, complete, verification, zoo
from zoo.config.records.benchmark import Conditions
from zoo.config.records.proof import RuntimeInfo
from zoo.report.formats import DASH
from zoo.report.page import render_html
from zoo.report.records import ModelRecords
from zoo.report.row import render_csv, rows


def test_the_pages_table_holds_the_values_of_the_csv(built, page):
    _, table, _ = built
    lines = list(csv.DictReader(io.StringIO(render_csv(table))))
    assert len(page.zoo) == len(lines)
    for cells, line in zip(page.zoo, lines, strict=True):
        assert {name: value or "" for name, (value, _) in cells.items()} == {
            name: line[name] for name in cells
        }


def test_a_missing_figure_is_a_dash(page):
    texts = [
        text
        for cells in page.zoo
        for value, text in cells.values()
        if value is None and "not verified" not in text
    ]
    assert texts
    assert set(texts) == {DASH}


def test_no_share_is_rounded_up_to_100_percent(page):
    assert page.zoo[0]["agreement"] == ("1.0", "100.00")
    (row,) = rows([ModelRecords(card("net"), [verification("net", top1_agreement=0.99999)])])
    assert Page(render_html([row], [])).zoo[0]["agreement"][1] == "99.99"


def test_failures_are_told_in_the_table_and_in_the_models_section(page):
    sentence = "cosine similarity of the worst image is 0.942117, below the gate 0.99"
    # and in a remark, for the file passes on another device, and in why another one is to be shipped there
    assert page.text.count(sentence) == 4
    assert ("tbody", "failed") in [(tag, attributes.get("class")) for tag, attributes in page.tags]


def test_random_weights_are_called_out(built, page):
    untrained = sum(row.random_weights for row in built[1])
    assert page.text.count("random weights") == untrained + 2, "each row, what to ship, and the remark"
    assert page.text.count("RANDOM WEIGHTS") == 1
    trained = Page(render_html(rows([complete("net")]), [complete("net")]))
    assert "random weights" not in trained.text.lower()


def test_names_are_text_and_never_markup():
    name = '</script><b onclick="x">&amp;'
    models = [complete(name, devices=("cpu",), licence="<i>none</i>")]
    rendered = render_html(rows(models), models)
    page = Page(rendered)
    assert "</script><b" not in rendered
    assert {attributes.get("onclick") for _, attributes in page.tags} == {None}
    assert page.zoo[0]["model"][0] == name
    assert "<i>none</i>" in page.text
    (shown,) = page.figures["trade-off"]["cpu|agreement|latency_1_ms"]["panels"].values()
    texts = [text for trace in shown["data"] for text in trace.get("text", [])]
    assert all(html.escape(name, quote=False) in text for text in texts)
    targets = {attributes.get("href") for tag, attributes in page.tags if tag == "a"}
    ids = {attributes.get("id") for _, attributes in page.tags}
    assert {target[1:] for target in targets if target.startswith("#")} <= ids


def test_the_page_refers_to_nothing_outside_itself(page):
    for tag, attributes in page.tags:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            if name in attributes:
                file = tag == "a" and attributes[name].endswith((".param", ".bin"))  # beside the page
                inside = attributes[name].startswith(("#", "data:"))
                assert inside or file, f"<{tag} {name}={attributes[name][:60]}>"
    assert {tag for tag, _ in page.tags} & {"iframe", "object", "embed", "base"} == set()
    assert not re.search(r"@import|url\(", "".join(page.styles))
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_equal_records_give_equal_pages(built):
    models, table, rendered = built
    again = [replace(anew, history=list(model.history)) for anew, model in zip(zoo(), models, strict=True)]
    assert render_html(rows(again), again) == rendered
    assert render_html(table, list(models)) == rendered


def test_plotly_knows_every_attribute_of_the_charts(page):
    figures = page.figures
    trade_offs, base = figures.pop("trade-off"), figures.pop("base")
    assert len(trade_offs) == 2 * 3 * 2
    plotly.graph_objects.Figure(layout=base)
    panels = [panel for figure in trade_offs.values() for panel in figure["panels"].values()]
    for figure in [*panels, *figures.values()]:
        plotly.graph_objects.Figure(data=figure["data"], layout=figure["layout"])


def test_a_target_is_told_with_its_processor_and_compared_with_the_cpu():
    model = complete("net", devices=("cpu",))
    there = verification("net", "a76", "fp16", sqnr_db=41.0, images=8, part_of=100)
    info = RuntimeInfo("ncnn", "1.0.20261020", "cortex-a76, emulated", features=("asimdhp", "asimddp"))
    model = replace(model, verify=[*model.verify, replace(there, runtime=info)])
    page = Page(render_html(rows([model]), [model]))
    assert "a76: cortex-a76, emulated (asimdhp, asimddp): ncnn 1.0.20261020" in page.text
    assert "coarser with the same weights: 66.2 dB and 41.0 dB" in page.text
    assert "Judged on a76 on 8 of 100 images." in page.text
    assert '<option value="a76">a76</option>' in render_html(rows([model]), [model])


def test_a_board_has_its_governor_and_heat_beside_its_times_and_no_frames_per_second():
    hot = Conditions("ondemand", 900, 2400, 84.0, 180.0, True)
    timed = replace(benchmark("net", "pi5", "fp16"), throughput=None, conditions=hot)
    models = [ModelRecords(card("net"), bench=[timed])]
    text = Page(render_html(rows(models), models)).text
    assert "governor ondemand, throttled" in text and "timed while the board was slowed down" in text


def test_a_page_of_a_few_models_is_small(built):
    assert len(built[2].encode()) < 1_000_000


def test_the_image_sets_of_the_figures_are_named(page):
    assert "Agreement, cosine and SQNR on 100 images of heldout" in page.text
    assert "Top-1, top-5 and drop on 360 images of digits_test" in page.text


def test_a_time_in_doubt_is_marked_and_no_comparison():
    timed = benchmark("net", artifact="int8", ratio=4.0)
    noisy = [replace(each, ratio=0.25) for each in timed.latency]
    models = [ModelRecords(card("net"), bench=[replace(timed, latency=tuple(noisy))])]
    page = Page(render_html(rows(models), models))
    assert page.zoo[0]["ratio_1"] == ("0.25", "0.25 ?")
    assert "time in doubt: int8 (0.25 of fp32's time run by run, 4 by medians)" in page.text
    assert "slower" not in page.text.partition("What the columns mean")[0]
