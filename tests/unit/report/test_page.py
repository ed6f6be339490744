import csv
import html
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import plotly.graph_objects
import pytest

from samples.report import (
    CANDIDATES,
    CPU,
    LAVAPIPE,
    PLANS,
    benchmark,
    card,
    complete,
    evaluation,
    search,
    sensitivity,
    unloadable,
    verification,
    zoo,
)
from zoo.deploy.programs import programs
from zoo.errors import ZooError
from zoo.report.findings import remarks
from zoo.report.formats import DASH
from zoo.report.page import facts, render_html
from zoo.report.row import ModelRecords, render_csv, rows


class Page(HTMLParser):
    """The parts of a page that the tests ask for: tags with attributes, table rows as texts, all text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.rows, self.text, self.scripts, self.styles = [], [], "", [], []
        self._inside, self._table = "", None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if tag == "table":
            self._table = attributes.get("id")
        if tag == "tr":
            self.rows.append((self._table, []))
        if tag in ("td", "th"):
            self.rows[-1][1].append((attributes, []))
        if tag in ("script", "style"):
            self._inside = tag
            (self.scripts if tag == "script" else self.styles).append("")

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside == "style":
            self.styles[-1] += data
        else:
            self.text += data
            if self.rows and self.rows[-1][1]:
                self.rows[-1][1][-1][1].append(data)

    @property
    def zoo(self):
        """The rows of the zoo table below its heading: a {column: (raw value or None, text)} each."""
        found = []
        for table, cells in self.rows:
            if table == "zoo" and cells and cells[0][0].get("scope") == "row":
                found.append(
                    {
                        attributes["class"].split()[0][2:]: (
                            attributes.get("data-value"),
                            "".join(text).strip(),
                        )
                        for attributes, text in cells
                    }
                )
        return found

    @property
    def figures(self):
        return json.loads(next(text for text in self.scripts if text.startswith("{")))


@pytest.fixture(scope="module")
def built():
    models = zoo()
    table = rows(models)
    return models, table, render_html(table, models)


@pytest.fixture(scope="module")
def page(built):
    return Page(built[2])


def row_of(*records, **changes):
    """The only row of a model with these records."""
    kinds = {"verify": [], "bench": [], "eval": []}
    for record in records:
        kind = "verify" if "verdict" in record else "bench" if "latency" in record else "eval"
        kinds[kind].append(record)
    (row,) = rows([ModelRecords(card("net", **changes), **kinds)])
    return row


def test_a_row_gathers_what_the_records_say():
    row = row_of(verification("net"), benchmark("net"), evaluation("net"))
    assert (row.model, row.device, row.artifact, row.precision, row.format) == (
        "net",
        "cpu",
        "int8",
        "int8",
        "ncnn",
    )
    assert (row.bytes, row.parameters) == (1_680_000, 1_520_000)
    assert (row.top1, row.reference_top1) == (0.98, 0.983)
    assert row.top1_drop == pytest.approx(0.3)
    assert (row.agreement, row.cosine_min, row.sqnr_db) == (0.99, 0.99981, 38.5)
    assert (row.ratio_1, row.threads_all, row.ratio_all, row.reference) == (0.59, 2, 0.59, "fp32")
    assert row.latency_1_ms == pytest.approx(0.59 * 14.6)
    assert (row.hardware, row.software_gpu) == (CPU, None)
    assert (row.verdict, row.failures) == ("passed", ())


def test_what_was_not_measured_is_unknown_and_not_zero():
    row = row_of(verification("net"))
    assert row.bytes == 1_680_000, "the verification knows the files' sizes"
    assert {row.top1, row.top1_drop, row.latency_1_ms, row.ratio_1, row.latency_all_ms, row.threads_all} == {
        None
    }
    row = row_of(benchmark("net"))
    assert {row.verdict, row.cosine_min, row.agreement, row.sqnr_db, row.max_abs_error} == {None}
    row = row_of(evaluation("net", labelled=False))
    assert (row.top1, row.top1_drop, row.bytes) == (None, None, None)
    assert (row.agreement, row.sqnr_db) == (0.9972, 38.4), "stand in for those of the verification"


def test_a_machine_with_one_cpu_has_no_second_latency():
    record = benchmark("net")
    row = row_of(record | {"latency": record["latency"][:1]})
    assert (row.threads_all, row.latency_all_ms, row.ratio_all) == (None, None, None)
    assert row.latency_1_ms is not None


def test_an_artifact_that_could_not_run_has_a_verdict_and_no_figures():
    row = row_of(unloadable("net"))
    assert row.verdict == "failed"
    assert row.failures == ("int8.bin ends 4096 bytes early, in the weights of convolution_17",)
    assert {row.agreement, row.cosine_min, row.sqnr_db, row.hardware} == {None}


def test_rows_come_model_by_model_cpu_first_and_ncnn_first():
    names = ["torchscript", "int8", "fp32.onnx", "fp16", "fp32"]
    records = [verification("net", device, name) for device in ("gpu", "cpu") for name in names]
    for name in ("int8_dynamic.onnx", "fp16.onnx"):
        records.append(verification("net") | {"artifact": name})
    found = rows([ModelRecords(card("net"), records), complete("a", devices=("cpu",))])
    assert [row.artifact for row in found if row.model == "net" and row.device == "cpu"] == [
        *("fp32", "fp16", "int8", "fp32.onnx", "fp16.onnx", "int8_dynamic.onnx", "torchscript")
    ]
    assert [(row.model, row.device) for row in found[6:8]] == [("net", "cpu"), ("net", "gpu")]
    assert found[-1].model == "a"
    dynamic = next(row for row in found if row.artifact == "int8_dynamic.onnx")
    assert (dynamic.precision, dynamic.format) == ("int8 dynamic", "ONNX")


def test_records_that_do_not_belong_are_refused():
    with pytest.raises(ZooError, match=r"net: was given the verification record of other"):
        row_of(verification("other"))
    with pytest.raises(ZooError, match=r"net: has two benchmark records of int8 on cpu"):
        row_of(benchmark("net"), benchmark("net"))
    record = verification("net")
    del record["numbers"]
    with pytest.raises(ZooError, match=r"net: a record of int8 on cpu lacks 'numbers'"):
        row_of(record)


def test_csv_has_a_line_per_row_and_empty_fields_for_the_unknown(built):
    _, table, _ = built
    lines = list(csv.DictReader(io.StringIO(render_csv(table))))
    assert len(lines) == len(table)
    for line, row in zip(lines, table, strict=True):
        assert line["model"] == row.model
        assert line["failures"] == "; ".join(row.failures)
        for name in ("bytes", "top1", "cosine_min", "latency_1_ms", "ratio_all"):
            assert (float(line[name]) if line[name] else None) == getattr(row, name)
    assert any(line["top1"] == "" for line in lines)


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
        if value is None and text != "not verified"
    ]
    assert texts
    assert set(texts) == {DASH}


def test_no_share_is_rounded_up_to_100_percent(page):
    assert page.zoo[0]["agreement"] == ("1.0", "100.00")
    (row,) = rows([ModelRecords(card("net"), [verification("net", top1_agreement=0.99999)])])
    assert Page(render_html([row], [])).zoo[0]["agreement"][1] == "99.99"


def test_failures_are_told_in_the_table_and_in_the_models_section(page):
    sentence = "cosine similarity of the worst image is 0.942117, below the gate 0.99"
    assert page.text.count(sentence) == 2
    assert ("tbody", "failed") in [(tag, attributes.get("class")) for tag, attributes in page.tags]


def test_the_first_diverging_layer_is_named(built, page):
    failed = next(record for record in built[0][1].verify if not record["verdict"]["passed"])
    first = failed["divergence"]["first"]
    assert f"{first['layer']} ({first['type']})" in page.text
    (name,) = [name for name in page.figures if name == "depth-model-tf_efficientnet_lite0-gpu"]
    (ring,) = [trace for trace in page.figures[name]["data"] if "first to diverge" in trace["name"]]
    layers = failed["divergence"]["layers"]
    assert ring["x"] == [1 + layers.index(first)]
    assert ring["y"] == [first["sqnr_db"]]


def test_each_models_section_says_what_it_is_and_how_to_load_it(built, page):
    models, _, _ = built
    for model, smallest in zip(models, ("int8", "int8", "fp16"), strict=True):
        assert model.card.sha256 in page.text
        texts = programs(model.card.preprocess, smallest)
        assert all(texts[name] in page.text for name in ("predict.py", "main.cpp", "preprocess.h"))
    assert "fp16: predict.py" in page.text, "where int8 failed"
    assert "127.5, 127.5, 127.5" in page.text
    assert "0.00784313725" in page.text
    assert "1,394,400" in page.text, "bytes of a file"


def test_an_architecture_is_told_with_what_builds_it():
    args = {"depths": [1, 2], "num_classes": 10}
    for changes, said in (
        ({"args": args}, "timm convnext_atto with depths=[1, 2], num_classes=10"),
        ({"library": "onnx", "architecture": "nets/a.onnx", "args": {}}, "onnx nets/a.onnx"),
    ):
        page = Page(render_html([], [ModelRecords(card("net", **changes))]))
        assert f"Architecture{said}" in " ".join(page.text.split())


def test_what_is_no_classifier_has_no_accuracy_and_no_agreement():
    model = complete("net", devices=("cpu",), labelled=False, task="other")
    for record in model.verify:
        record["numbers"]["top1_agreement"] = None
    for record in model.eval:
        record["agreement"] = None
    for record in model.search:
        record["target"] = {"min_sqnr_db": 40}
        for each in record["candidates"] + record["references"]:
            each |= {"agreement": None, "top1_drop": None}
    found = rows([model])
    assert {(row.agreement, row.top1, row.top1_drop) for row in found} == {(None, None, None)}
    assert all(row.sqnr_db is not None for row in found)
    text = Page(render_html(found, [model])).text
    assert "None" not in text and "10 classes" not in text


def test_what_has_no_programs_has_its_section_all_the_same():
    page = Page(render_html(rows([complete("net", task="other")]), [complete("net", task="other")]))
    assert "predict.py" not in page.text and "net" in page.text


def test_random_weights_are_called_out(built, page):
    untrained = sum(row.random_weights for row in built[1])
    assert page.text.count("random weights") == untrained + 1, "each row, and the remark"
    assert page.text.count("RANDOM WEIGHTS") == 1
    trained = Page(render_html(rows([complete("net")]), [complete("net")]))
    assert "random weights" not in trained.text.lower()


def test_a_model_without_any_artifact_still_has_its_section():
    page = Page(render_html([], [ModelRecords(card("net"))]))
    assert "No artifact of this model has been verified." in page.text
    assert page.zoo == []


def test_an_artifact_that_was_verified_but_not_evaluated_has_no_line_of_accuracy():
    whole = complete("net", devices=("cpu",))
    model = replace(whole, eval=[each for each in whole.eval if each["artifact"] != "fp16"])
    page = Page(render_html(rows([model]), [model]))
    assert "Evaluation" in page.text


def test_names_are_text_and_never_markup():
    name = '</script><b onclick="x">&amp;'
    models = [complete(name, devices=("cpu",), licence="<i>none</i>")]
    rendered = render_html(rows(models), models)
    page = Page(rendered)
    assert "</script><b" not in rendered
    assert {attributes.get("onclick") for _, attributes in page.tags} == {None}
    assert page.zoo[0]["model"][0] == name
    assert "<i>none</i>" in page.text
    shown = page.figures["trade-off"]["cpu|agreement|latency_1_ms"]
    texts = [text for trace in shown["data"] for text in trace.get("text", [])]
    assert all(html.escape(name, quote=False) in text for text in texts)
    targets = {attributes.get("href") for tag, attributes in page.tags if tag == "a"}
    ids = {attributes.get("id") for _, attributes in page.tags}
    assert {target[1:] for target in targets if target.startswith("#")} <= ids


def test_the_page_refers_to_nothing_outside_itself(page):
    for tag, attributes in page.tags:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            if name in attributes:
                assert attributes[name].startswith(("#", "data:")), f"<{tag} {name}={attributes[name][:60]}>"
    assert {tag for tag, _ in page.tags} & {"iframe", "object", "embed", "base"} == set()
    assert not re.search(r"@import|url\(", "".join(page.styles))
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_equal_records_give_equal_pages(built):
    models, table, rendered = built
    assert render_html(rows(zoo()), zoo()) == rendered
    assert render_html(table, list(models)) == rendered


def test_plotly_knows_every_attribute_of_the_charts(page):
    figures = page.figures
    trade_offs = figures.pop("trade-off")
    assert len(trade_offs) == 2 * 3 * 2
    for figure in [*trade_offs.values(), *figures.values()]:
        plotly.graph_objects.Figure(data=figure["data"], layout=figure["layout"])


def test_the_plot_shows_each_row_that_has_both_figures(built, page):
    _, table, _ = built
    for choice, figure in page.figures["trade-off"].items():
        device, measure, latency = choice.split("|")
        mine = [row for row in table if row.device == device]
        both = [row for row in mine if None not in (getattr(row, measure), getattr(row, latency))]
        markers = [trace for trace in figure["data"] if trace["mode"] == "markers"]
        assert sum(len(trace["x"]) for trace in markers) == len(both)
        assert (f"{len(mine) - len(both)} of {len(mine)}" in figure["note"]) == (len(mine) > len(both))
        assert (LAVAPIPE in figure["note"]) == (device == "gpu")
    figure = page.figures["trade-off"]["cpu|agreement|latency_1_ms"]
    sizes = {trace["name"]: trace["marker"]["size"] for trace in figure["data"] if trace["mode"] == "markers"}
    small, large = sizes["int8"][0], sizes["fp32"][1]
    assert small < large


def test_exact_layers_are_gaps_and_broken_ones_stay_on_the_chart():
    record = verification("net")
    record["divergence"]["layers"][5]["sqnr_db"] = -200.0
    model = ModelRecords(card("net"), [record])
    figure = Page(render_html(rows([model]), [model])).figures["depth-model-net-cpu"]
    (line,) = figure["data"]
    assert line["y"][:2] == [None, None]
    assert line["y"][5] == -20
    assert "not a number" in line["text"][5]


def speeds(device="cpu", **ratios):
    """Rows of one model whose artifacts take these times of fp32."""
    records = [benchmark("net", device, artifact, ratio=ratio) for artifact, ratio in ratios.items()]
    return rows([ModelRecords(card("net"), bench=records)])


def test_fast_int8_needs_no_remark():
    assert remarks(speeds(fp32=1.0, fp16=0.9, int8=0.6)) == []
    assert remarks(speeds(fp32=1.0, fp16=1.0, int8=1.01)) == [], "within the noise"


def test_int8_slower_than_fp32_is_said_in_words():
    assert remarks(speeds(fp32=1.0, fp16=2.0, int8=1.3)) == [
        "net on cpu: int8 is slower than fp32 (1.30 times with 1 thread and 1.30 times with 2 threads); "
        "on this device it saves space, not time."
    ]


def test_int8_slower_than_fp16_only_is_said_too():
    (remark,) = remarks(speeds(fp32=1.0, fp16=0.5, int8=0.6))
    assert "slower than fp16 (1.20 times with 1 thread" in remark
    assert "fp32" not in remark


def test_only_the_slow_thread_count_is_named():
    fast, slow = speeds(fp32=1.0, int8=0.8)
    (remark,) = remarks([fast, replace(slow, ratio_all=1.5)])
    assert "(1.50 times with 2 threads)" in remark
    assert "1 thread)" not in remark


def test_the_ratio_of_one_run_is_preferred_to_medians_of_two():
    fp32, int8 = speeds(fp32=1.0, int8=0.8)
    slow_day = replace(int8, latency_1_ms=100.0, latency_all_ms=100.0)
    assert remarks([fp32, slow_day]) == []
    assert len(remarks([fp32, replace(slow_day, ratio_1=None, ratio_all=None)])) == 1


def test_devices_and_formats_are_not_compared_with_each_other():
    slow_elsewhere = [replace(row, device="gpu") for row in speeds(int8=3.0)]
    onnx = [replace(row, format="ONNX", precision="int8 static") for row in speeds(int8=3.0)]
    assert remarks([*speeds(fp32=1.0), *slow_elsewhere, *onnx]) == []


def test_software_gpus_and_random_weights_are_named_once():
    found = remarks(rows(zoo()))
    assert found[0].startswith("mobilenetv4_conv_small has random weights")
    assert found[1] == f"{LAVAPIPE} is a software GPU: latencies measured on it say nothing about real GPUs."
    assert found[2].startswith("tf_efficientnet_lite0 on gpu: int8 is slower than fp32 (1.31 times")
    assert len(found) == 3


def searched(**changes):
    """The remarks on a model with nothing but a search."""
    return remarks([], [ModelRecords(card("net"), search=[search("net", **changes)])])


def test_a_missed_target_is_said_in_words():
    assert searched() == []
    assert searched(chosen=None, target={"min_sqnr_db": 50}) == [
        "net on cpu: no candidate of 4 meets the target; the nearest is local (46.1 dB)."
    ]


def test_int8_that_its_search_found_slow_is_said_where_no_benchmark_tells():
    (remark,) = searched(slowness=2.0)
    assert remark == (
        "net on cpu: int8 was slower than fp32 (1.17 times) and slower than fp16 (1.19 times) in its search; "
        "on this device it saves space, not time."
    )
    record = search("net", slowness=2.0)
    bench = ModelRecords(card("net"), bench=[benchmark("net")], search=[record])
    assert remarks(rows([bench]), [bench]) == [], "the benchmark is the later and the better figure"


def test_large_layers_that_stay_float_are_named():
    def found(count, plans):
        records = ModelRecords(card("net"), sensitivity=[sensitivity("net", count=count, plans=plans)])
        return remarks([], [records])

    assert found(100, PLANS) == []
    assert found(12, PLANS[:1]) == ["net on cpu: in int8, large layers stay float: conv_11 (fp32, 15.38 %)."]
    (remark,) = found(8, PLANS[1:2])
    assert remark.endswith("conv_1 (fp16, 5.56 %), conv_2 (fp16, 8.33 %), conv_3 (fp16, 11.11 %) and 4 more.")


def figure_of(measure="sqnr_db", **changes):
    model = ModelRecords(card("net"), search=[search("net", **changes)])
    return Page(render_html([], [model])).figures[f"search-model-net-cpu-{measure}"]


def trace(figure, name):
    return next(each for each in figure["data"] if each["name"] == name)


def test_a_search_is_drawn_with_its_front_choice_target_and_references():
    figure = figure_of(target={"min_sqnr_db": 40, "min_speedup": 1.25})
    assert sum(len(trace(figure, name)["x"]) for name in ("int8", "int8, misses the target")) == 4
    assert trace(figure, "front")["y"] == [46.1, 47.3], "the quickest, and those better than all as quick"
    assert trace(figure, "chosen")["y"] == [46.1]
    assert trace(figure, "chosen")["x"] == [pytest.approx(0.585)]
    assert sorted(trace(figure, "int8, misses the target")["y"]) == [36.6, 38.2]
    assert min(trace(figure, "int8, misses the target")["marker"]["opacity"]) < 0.5, "not on the front"
    labels = {label["text"]: label for label in figure["layout"]["annotations"]}
    assert set(labels) == {"target", "fp32", "fp16, 68.2 dB"}
    lines = figure["layout"]["shapes"]
    assert [line.get("y0") for line in lines[:1]] == [40]
    assert [line["x0"] for line in lines[1:]] == [pytest.approx(x) for x in (0.8, 1.0, 0.98)]


def test_references_are_points_where_the_measure_knows_them():
    figure = figure_of("agreement")
    assert trace(figure, "fp32")["y"] == [100]
    assert trace(figure, "fp16")["x"] == [pytest.approx(0.98)]
    assert figure["layout"]["shapes"] == []


def test_a_drop_is_drawn_upside_down_and_limits_the_agreement_without_labels():
    target = {"max_top1_drop": 0.3}
    figure = figure_of("top1_drop", target=target)
    low, high = figure["layout"]["yaxis"]["range"]
    assert low > high
    assert trace(figure, "front")["y"] == [0.0], "none is better than no drop"
    assert [line["y0"] for line in figure["layout"]["shapes"]] == [0.3]
    assert figure_of("agreement", target=target)["layout"]["shapes"] == []
    unlabelled = figure_of("agreement", target=target, labelled=False)
    assert [line["y0"] for line in unlabelled["layout"]["shapes"]] == [pytest.approx(99.7)]


def texts(row):
    """The cells of a row of `Page.rows`; what follows the last one in the page is cut off."""
    return ["".join(text).partition("\n")[0] for _, text in row[1]]


def test_a_search_is_a_table_too_and_says_what_failed():
    record = search("net", target={"min_sqnr_db": 50}, chosen=None, labelled=False)
    page = Page(render_html([], [ModelRecords(card("net"), search=[record])]))
    table = {name: figures for name, *figures in map(texts, page.rows)}
    assert set(CANDIDATES) <= set(table)
    assert table["local"] == ["46.1", "99.50", DASH, "8.80", "0.58", "1.65", "97.00", "yes", "missed"]
    assert table["fp32"][-2:] == ["reference", DASH]
    assert page.text.count("no candidate of 4 meets the target") == 2, "in its section, and on top"


def test_every_layer_has_bars_for_sensitivity_time_and_weights():
    record = sensitivity("net", "gpu", 6)
    page = Page(render_html([], [ModelRecords(card("net"), sensitivity=[record])]))
    found = [cells for _, cells in page.rows if cells and "".join(cells[0][1]).startswith("conv_")]
    assert len(found) == 6
    plans = [texts(row)[-1] for row in page.rows if texts(row)[0].startswith("conv_")]
    assert plans == [
        *("int8, by channel", "fp16", "int8, through norm", "int8, per tensor", "int8, by block", "fp32")
    ]
    values = [float(cells[2][0].get("data-value", "nan")) for cells in found]
    tried = [layer["sqnr_db"] for layer in record["layers"]]
    assert values == pytest.approx(
        [float("nan") if db is None else db for db in tried], rel=1e-3, nan_ok=True
    )
    assert "".join(found[1][2][1]) == DASH
    assert ["".join(cells[5][1]) for cells in found] == ["0.50", DASH, "0.50", "0.50", "0.50", DASH]
    bars = [attributes["style"] for tag, attributes in page.tags if attributes.get("class") == "bar"]
    assert len(bars) == 4 + 6 + 6, "no bar for a layer that was not tried in int8"
    assert max(bars) == "--of:1.000"
    assert "each result handed to the CPU; layers without weights take the other 20.00" in page.text
    assert found[0][-1][0]["title"] == "alpha 0.75, margin 1.1, rounding gptq"


def test_before_the_choice_a_layer_has_no_plan():
    record = sensitivity("net")
    for layer in record["layers"]:
        layer["plan"] = None
    models = [ModelRecords(card("net"), sensitivity=[record])]
    page = Page(render_html([], models))
    assert texts(page.rows[-1])[-1] == DASH
    assert remarks([], models) == []


def test_the_origin_of_weights_is_told_in_words():
    source = {
        "kind": "train",
        "held_out_top1": 0.9,
        "recipe": {"epochs": 3, "augment": {"scale": [0.35, 1.0]}},
        "start": {"kind": "file", "fresh": ["a", "b"], "licence": None},
        "seed": None,
    }
    assert facts(source) == {
        "kind": "train",
        "held out top1": "0.9",
        "recipe": "epochs 3, augment scale 0.35 and 1.0",
        "start": "kind file, fresh a and b",
    }


def test_searches_and_sensitivities_that_do_not_belong_are_refused():
    for kind, make in (("search", search), ("sensitivity", sensitivity)):
        with pytest.raises(ZooError, match=f"net: was given the {kind} record of other"):
            render_html([], [ModelRecords(card("net"), **{kind: [make("other")]})])
        with pytest.raises(ZooError, match=f"net: has two {kind} records of int8 on cpu"):
            render_html([], [ModelRecords(card("net"), **{kind: [make("net"), make("net")]})])
    record = search("net")
    del record["candidates"][0]["speedup"]
    with pytest.raises(ZooError, match="net: a search or sensitivity record lacks 'speedup'"):
        render_html([], [ModelRecords(card("net"), search=[record])])
