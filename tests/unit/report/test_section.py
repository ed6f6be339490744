"""A model's section of the page."""

from dataclasses import replace

from samples.page import Page, texts
from samples.report import CANDIDATES, card, complete, search
from zoo.config.records.conversion import Conversion, Failure
from zoo.config.records.program import Program
from zoo.deploy.programs import programs
from zoo.report.formats import DASH, cosine
from zoo.report.page import render_html
from zoo.report.records import ModelRecords
from zoo.report.row import rows
from zoo.report.section import facts


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
    unknown = {"agreement": None, "top1_drop": None}
    model = replace(
        model,
        verify=[replace(each, numbers=replace(each.numbers, top1_agreement=None)) for each in model.verify],
        eval=[replace(each, agreement=None) for each in model.eval],
        search=[
            replace(
                each,
                target={"min_sqnr_db": 40},
                candidates=tuple(replace(trial, **unknown) for trial in each.candidates),
                references=tuple(replace(trial, **unknown) for trial in each.references),
            )
            for each in model.search
        ],
    )
    found = rows([model])
    assert {(row.agreement, row.top1, row.top1_drop) for row in found} == {(None, None, None)}
    assert all(row.sqnr_db is not None for row in found)
    text = Page(render_html(found, [model])).text
    assert "None" not in text and "10 classes" not in text


def test_the_way_to_ncnn_is_told_and_why_others_failed():
    failed = (Failure("TorchScript", "pnnx left torch.var (1), behind stem"), Failure("ONNX", "is off"))
    records = [Conversion("net", "cpu", "onnx2torch", 0.99999, 3, failed)]
    page = Page(render_html([], [ModelRecords(card("net"), conversion=records)]))
    assert (
        f"To ncnn by onnx2torch, cosine {cosine(0.99999)} at the least on 3 inputs; not by TorchScript: "
        "pnnx left torch.var (1), behind stem; nor by ONNX: is off."
    ) in " ".join(page.text.split())


def test_what_has_no_programs_has_its_section_all_the_same():
    page = Page(render_html(rows([complete("net", task="other")]), [complete("net", task="other")]))
    assert "predict.py" not in page.text and "net" in page.text


def test_a_model_without_any_artifact_still_has_its_section():
    page = Page(render_html([], [ModelRecords(card("net"))]))
    assert "No artifact of this model has been verified." in page.text
    assert page.zoo == []


def test_an_artifact_that_was_verified_but_not_evaluated_has_no_line_of_accuracy():
    whole = complete("net", devices=("cpu",))
    model = replace(whole, eval=[each for each in whole.eval if each.artifact != "fp16"])
    page = Page(render_html(rows([model]), [model]))
    assert "Evaluation" in page.text


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


def test_a_search_that_timed_nothing_says_so_and_has_no_chart():
    record = search("net", device="a76")
    untimed = {"latency_ms": None, "speedup": None}
    record = replace(
        record,
        candidates=tuple(replace(each, **untimed) for each in record.candidates),
        references=tuple(replace(each, **untimed) for each in record.references),
    )
    page = Page(render_html([], [ModelRecords(card("net"), search=[record])]))
    table = {name: figures for name, *figures in map(texts, page.rows)}
    assert table["all"][3:5] == [DASH, DASH] and table["fp32"][3:5] == [DASH, DASH]
    assert "nothing was timed there" in page.text and "The stepped line joins" not in page.text


def test_a_search_is_a_table_too_and_says_what_failed():
    record = search("net", target={"min_sqnr_db": 50}, chosen=None, labelled=False)
    page = Page(render_html([], [ModelRecords(card("net"), search=[record])]))
    table = {name: figures for name, *figures in map(texts, page.rows)}
    assert set(CANDIDATES) <= set(table)
    assert table["local"] == ["46.1", "99.50", DASH, "8.80", "0.58", "1.65", "97.00", "yes", "missed"]
    assert table["fp32"][-2:] == ["reference", DASH]
    assert page.text.count("no candidate of 4 meets the target") == 2, "in its section, and on top"


def test_the_size_of_a_compiled_program_is_told():
    program = Program(
        "net", "a76", "int8", "aarch64", 4_100_000, "a", ("Bias", "ReLU"), "1.0.1", "g++ 12", "b"
    )
    model = replace(complete("net", devices=("cpu",)), program=[program, program])
    text = Page(render_html(rows([model]), [model])).text
    assert "int8 on a76 (aarch64) 4.10 MB with 2 layer types." in text
