"""What counts as worse than the baseline, and which layer is named."""

from dataclasses import replace

import pytest

from samples.history import changed, figures
from zoo.config.settings import Regression
from zoo.history.figures import Images, LayerFidelity, Metric
from zoo.history.regressions import Comparison, compare

KEPT = figures()


def compared(new, kept=KEPT, margins=None) -> Comparison:
    return compare([kept], [new], {"net": margins or Regression()})


def with_layers(line, **sqnrs):
    """A line with these layers only, conv_1 and so on, in order."""
    layers = tuple(LayerFidelity(f"b{name}", f"{name} (Convolution)", db) for name, db in sqnrs.items())
    return replace(line, layers=layers)


def test_the_same_figures_are_as_good_and_better_ones_too():
    assert compared(KEPT) == Comparison((), ())
    better = changed(KEPT, sqnr_db=60.0, agreement=1.0, top1=1.0, bytes=10, latency_ms=Metric(0.1, 0.1, 0.1))
    assert compared(better) == Comparison((), ())


@pytest.mark.parametrize(
    ("measure", "allowed", "worse", "text"),
    [
        ("sqnr_db", 37.5, 37.4, "SQNR is 37.4 dB, was 38.5 dB: 1.1 dB worse, and 1 dB are allowed"),
        ("agreement", 0.98, 0.97, "agreement in the verification is 97 %, was 99 %: 2 % worse, and 1 % are"),
        ("evaluated_agreement", 0.9872, 0.98, "agreement in the evaluation is 98 %, was 99.72 %"),
        ("top1", 0.975, 0.97, "top-1 is 97 %, was 98 %: 1 % worse, and 0.5 % are allowed"),
        ("bytes", 1.05 * 1_680_000, 1.06 * 1_680_000, "6 % worse, and 5 % are allowed"),
        ("latency_ms", 1.1 * 8.614, 1.2 * 8.614, "latency is 10.3368 ms, was 8.614 ms: 20 % worse"),
    ],
)
def test_a_figure_is_worse_beyond_its_margin(measure: str, allowed: float, worse: float, text: str):
    assert compared(changed(KEPT, **{measure: allowed})).worse == ()
    (sentence,) = compared(changed(KEPT, **{measure: worse})).worse
    assert sentence.startswith("cpu/net/int8: ") and text in sentence


def test_margins_are_those_of_the_model():
    assert compared(changed(KEPT, sqnr_db=33.0), margins=Regression(sqnr_db=6)).worse == ()
    assert len(compared(changed(KEPT, sqnr_db=38.4), margins=Regression(sqnr_db=0)).worse) == 1


def test_above_what_float32_can_tell_all_is_as_good():
    kept = changed(figures("fp32"), sqnr_db=131.0)
    assert compared(changed(kept, sqnr_db=101.0), kept).worse == ()
    assert len(compared(changed(kept, sqnr_db=98.0), kept).worse) == 1


def test_the_first_and_the_worst_layer_are_named_in_the_order_of_the_graph():
    kept = with_layers(KEPT, a=60.0, b=50.0, c=45.0, d=44.0)
    new = changed(with_layers(kept, a=59.5, b=47.0, c=30.0, d=30.5), sqnr_db=29.0)
    (sentence,) = compared(new, kept).worse
    assert "the first layer that is worse is b (Convolution): 47 dB to fp32, was 50" in sentence
    assert "the one that lost most c (Convolution): 30 dB to fp32, was 45" in sentence
    single = changed(with_layers(kept, a=60.0, b=50.0, c=45.0, d=30.0), sqnr_db=29.0)
    (sentence,) = compared(single, kept).worse
    assert sentence.endswith("the first layer that is worse is d (Convolution): 30 dB to fp32, was 44")


def test_layers_are_told_by_what_they_compute_though_others_came_between():
    kept, new = with_layers(KEPT, a=60.0, b=50.0), with_layers(KEPT, x=10.0, a=60.0, b=40.0)
    (sentence,) = compared(changed(new, sqnr_db=20.0), kept).worse
    assert "the first layer that is worse is b (Convolution)" in sentence


@pytest.mark.parametrize(
    ("artifact", "layers", "text"),
    [
        ("fp32.onnx", {}, "layers are told of ncnn's files only"),
        ("fp32", {}, "it is what the layers of others are compared with"),
        ("int8", {"x": 10.0}, "no layer is the same as in the baseline"),
        ("int8", {"a": 60.0}, "none of the 1 layers that are in both is further from ncnn's fp32"),
    ],
)
def test_where_no_layer_can_be_named_it_is_said_why(artifact: str, layers: dict, text: str):
    kept = with_layers(figures(artifact), **({"a": 60.0} if layers else {}))
    (sentence,) = compared(changed(with_layers(kept, **layers), sqnr_db=10.0), kept).worse
    assert text in sentence


def test_latencies_of_another_processor_are_not_compared_and_a_line_says_so():
    slow = changed(KEPT, latency_ms=100.0)
    same = replace(slow, machine=replace(slow.machine, host="another"))
    assert len(compared(same).worse) == 1, "a machine of the same model may be called otherwise"
    other = replace(slow, machine=replace(slow.machine, processor="Other CPU"))
    found = compared(other)
    assert found.worse == () and len(found.notes) == 1
    assert "Imaginary CPU @ 2.00GHz" in found.notes[0] and "Other CPU" in found.notes[0]
    assert len(compared(changed(other, bytes=10**9)).worse) == 1, "what does not depend on it is"


def test_a_latency_that_its_own_runs_cannot_tell_from_the_baselines_is_a_note():
    kept = changed(KEPT, latency_ms=Metric(10.0, 9.0, 13.0))
    found = compared(changed(kept, latency_ms=Metric(14.0, 12.5, 15.0)), kept)
    assert found.worse == () and "measure again with nothing beside" in found.notes[0]
    found = compared(changed(kept, latency_ms=Metric(14.0, 13.1, 15.0)), kept)
    assert len(found.worse) == 1 and found.notes == ()


def test_what_is_no_longer_there_passes_no_check():
    gone = replace(changed(KEPT, sqnr_db=None, agreement=None), passed=False, failures=("it crashed",))
    worse = compared(gone).worse
    assert worse[0] == "cpu/net/int8: it fails its verification, and passed before: it crashed"
    assert any("SQNR was 38.5 dB, and is not there any more" in sentence for sentence in worse)


def test_figures_of_other_images_are_no_comparison_and_that_is_a_failure():
    new = replace(KEPT, images={**KEPT.images, "verification": Images(50, "others", "5e7")})
    (sentence,) = compared(changed(new, sqnr_db=10.0)).worse
    assert "the verification is on 50 images of others, and was on 100 images of heldout; give" in sentence


def test_other_images_under_the_same_name_are_no_comparison_either():
    images = {**KEPT.images, "evaluation": replace(KEPT.images["evaluation"], sha256="0ab")}
    (sentence,) = compared(changed(replace(KEPT, images=images), top1=0.1)).worse
    assert "the evaluation is on 360 images of digits_test, and was on others of the same name" in sentence


def test_what_failed_in_the_baseline_too_is_no_news():
    kept = replace(KEPT, passed=False, failures=("why",))
    assert compared(kept, kept).worse == ()
