"""Figures published by others: which belong to a model, and that no reader takes them for ours."""

import json
import re

import pytest

from samples.report import benchmark, card, evaluation, verification
from zoo.report.page import render_html
from zoo.report.published import FILE, published
from zoo.report.records import ModelRecords
from zoo.report.row import rows

KNOWN = json.loads(FILE.read_text())


def atto(**changes):
    usual = {"architecture": "convnext_atto.d2_in1k", "args": {}, "classes": 1000, "edge": 224}
    return card("atto", **usual | changes)


def test_every_figure_has_a_source_that_can_be_looked_up():
    for source in KNOWN["sources"].values():
        assert re.fullmatch(r"https://github\.com/[\w./-]+/blob/[0-9a-f]{40}/[\w./-]+", source["url"])
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", source["date"]) and source["conditions"].endswith(".")
    for each in KNOWN["figures"]:
        assert each["source"] in KNOWN["sources"]
        assert all(0 < each[key] < 100 for key in ("top1", "top5", "int8_top1") if key in each)
        assert each["parameters_m"] > 0 and each["size"] > 0


def test_the_declared_convnexts_have_figures_at_their_size(config):
    for name, entry in config["models"].items():
        if entry.get("timm", "").startswith("convnext") and "args" not in entry:
            size = 384 if name.endswith("384") else 224
            found = published(atto(architecture=entry["timm"], edge=size))
            accuracy = [each for each in found if each.source == "timm"]
            assert [(each.model, each.size) for each in accuracy] == [(entry["timm"], size)], name


@pytest.fixture
def config():
    import yaml

    return yaml.safe_load((FILE.parents[3] / "config.yaml").read_text())


def test_a_tag_gets_its_own_accuracy_and_what_is_known_of_the_architecture():
    found = published(atto())
    assert {each.source for each in found} == {"timm", "timm_cpu", "rdk_x5"}
    assert {each.model for each in found} == {"convnext_atto.d2_in1k", "convnext_atto"}
    assert {each.size for each in found} == {224}
    (board,) = [each for each in found if each.source == "rdk_x5"]
    assert (board.top1, board.int8_top1, board.latency_ms) == (73.25, 69.75, 1.96)
    other_size = published(atto(edge=320))
    assert {each.size for each in other_size if each.source == "timm"} == {224, 288}
    every_tag = published(atto(architecture="convnext_tiny"))
    assert len({each.model for each in every_tag if each.source == "timm"}) > 1
    elsewhere = published(atto(library="torchvision", architecture="convnext_tiny"))
    assert {each.source for each in elsewhere} == {"timm_cpu", "paddleclas"}, "weights that timm never had"


def test_another_model_of_the_same_name_gets_none():
    assert published(atto(args={"depths": [2, 2, 2, 2]})) == []
    assert published(atto(classes=10)) == []
    assert published(atto(architecture="resnet18.a1_in1k")) == []
    assert not any(each.model.startswith("convnext_atto_") for each in published(atto()))


def test_published_figures_stand_apart_with_their_source_and_in_no_table_of_ours():
    records = [verification("atto")], [benchmark("atto")], [evaluation("atto")]
    models = [ModelRecords(atto(), *records)]
    page = render_html(rows(models), models)
    aside = re.search(r'<section class="published".*?</section>', page, re.DOTALL)[0]
    assert "by others, not measured here" in aside
    for figure in ("75.672", "92.914", "69.75", ">732<"):
        assert figure in aside and figure not in page.replace(aside, "").split("<script")[0]
    links = re.findall(r'href="(https?://[^"]*)"', page.split("<script")[0])
    assert links == [KNOWN["sources"][name]["url"] for name in ("timm", "timm_cpu", "rdk_x5")]
    assert re.findall(r'href="(http[^"]*)"', aside) == links
    without = [ModelRecords(card("net"), [verification("net")])]
    assert '<aside class="published"' not in render_html(rows(without), without)
