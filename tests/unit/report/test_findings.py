"""What is said in words, and what is not."""

from dataclasses import replace

from samples.report import (
    LAVAPIPE,
    PLANS,
    benchmark,
    card,
    coverage,
    search,
    sensitivity,
    verification,
    zoo,
)
from zoo.config.records.benchmark import Conditions
from zoo.ncnn.options import Options
from zoo.report.findings import remarks
from zoo.report.records import ModelRecords
from zoo.report.row import rows


def speeds(device="cpu", **ratios):
    """Rows of one model whose artifacts take these times of fp32."""
    records = [benchmark("net", device, artifact, ratio=ratio) for artifact, ratio in ratios.items()]
    return rows([ModelRecords(card("net"), bench=records)])


def test_a_board_that_was_throttled_is_named():
    cold = replace(
        benchmark("net", "pi5", "fp16", ratio=0.9), conditions=Conditions(None, 1, 2, 80.0, 0, False)
    )
    hot = replace(cold, artifact="fp32", conditions=Conditions("ondemand", 900, 2400, 84.0, 180.0, True))
    models = [ModelRecords(card("net"), bench=[cold, hot])]
    assert remarks(rows(models), models) == [
        "net on pi5: fp32 was timed while the board was slowed down, after 180 s of cooling."
    ]


def test_options_that_are_not_ncnns_own_are_named():
    plain = verification("net", artifact="fp16")
    other = replace(plain, artifact="fp32", options=Options({"use_packing_layout": False}))
    models = [ModelRecords(card("net"), verify=[plain, other])]
    assert remarks(rows(models), models) == ["net on cpu: fp32 runs with options: use_packing_layout off."]


def test_fast_int8_needs_no_remark():
    assert remarks(speeds(fp32=1.0, fp16=0.9, int8=0.6)) == []
    assert remarks(speeds(fp32=1.0, fp16=1.0, int8=1.01)) == [], "within the noise"


def test_int8_slower_than_fp32_is_said_in_words():
    assert remarks(speeds(fp32=1.0, fp16=2.0, int8=1.3)) == [
        "net on cpu: int8 is slower than fp32 (1.30 times): it saves space, not time."
    ]


def test_int8_slower_than_fp16_only_is_said_too():
    (remark,) = remarks(speeds(fp32=1.0, fp16=0.5, int8=0.6))
    assert "slower than fp16 (1.20 times)" in remark
    assert "fp32" not in remark


def test_only_the_slow_thread_count_is_named():
    fast, slow = speeds(fp32=1.0, int8=0.8)
    (remark,) = remarks([fast, replace(slow, ratio_all=1.5)])
    assert "(1.50 times with 2 threads)" in remark


def test_each_thread_count_has_its_own_figure():
    fast, slow = speeds(fp32=1.0, int8=1.3)
    (remark,) = remarks([fast, replace(slow, ratio_all=1.1)])
    assert "(1.30 times with 1 thread, 1.10 times with 2 threads)" in remark


def test_a_time_that_contradicts_itself_is_told_and_nothing_is_said_to_be_slower_by_it():
    fp32, fp16 = benchmark("net", artifact="fp32"), benchmark("net", artifact="fp16")
    one_turn = replace(fp16.latency[0], ratio=0.0052, ratio_error=0.0001)  # of fp32 took 200 times as long
    noisy = replace(fp16, latency=(one_turn, fp16.latency[1]))
    models = [ModelRecords(card("net"), bench=[fp32, noisy, benchmark("net")])]
    (remark,) = remarks(rows(models), models)
    assert remark == (
        "net on cpu: time in doubt: fp16 (0.0052 of fp32's time run by run, 1 by medians). "
        "Delete its bench.json and build again."
    )
    at_two = replace(one_turn, threads=fp16.latency[1].threads)
    models = [ModelRecords(card("net"), bench=[fp32, replace(fp16, latency=(fp16.latency[0], at_two))])]
    (remark,) = remarks(rows(models), models)
    assert "fp16 with 2 threads (0.0052 of fp32's time" in remark
    beside_itself = replace(fp32, latency=tuple(replace(each, ratio=0.06) for each in fp32.latency))
    models = [ModelRecords(card("net"), bench=[beside_itself, benchmark("net")])]
    (remark,) = remarks(rows(models), models)
    assert "fp32 (beside itself it took 0.06 of its own time)" in remark
    models = [ModelRecords(card("net"), bench=[beside_itself, noisy, benchmark("net")])]
    (remark,) = remarks(rows(models), models)
    assert "fp32 (beside" in remark and ", fp16 (0.0052" in remark and "Delete their" in remark


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
    assert len(found) == 2, "nothing is slower by a software GPU's times"


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
        "net on cpu: int8 was slower than fp32 (1.17 times) and slower than fp16 (1.19 times) in its search: "
        "it saves space, not time."
    )
    record = search("net", slowness=2.0)
    bench = ModelRecords(card("net"), bench=[benchmark("net")], search=[record])
    assert remarks(rows([bench]), [bench]) == [], "the benchmark is the later and the better figure"


def test_calibration_images_that_are_unlike_others_are_told():
    model = ModelRecords(card("net"), coverage=[coverage("net", unlike=["the evaluation images are darker"])])
    (sentence,) = remarks([], [model])
    assert sentence.startswith("net on cpu: the evaluation images are darker; int8 is calibrated for others")


def test_one_sentence_names_the_devices_of_which_the_same_is_said():
    records = [sensitivity("net", device, plans=PLANS[:1]) for device in ("cpu", "gpu")]
    (remark,) = remarks([], [ModelRecords(card("net"), sensitivity=records)])
    assert remark.startswith("net on cpu and gpu: in int8")


def test_large_layers_that_stay_float_are_named():
    def found(count, plans):
        records = ModelRecords(card("net"), sensitivity=[sensitivity("net", count=count, plans=plans)])
        return remarks([], [records])

    assert found(100, PLANS) == []
    assert found(12, PLANS[:1]) == ["net on cpu: in int8, large layers stay float: conv_11 (fp32, 15.38 %)."]
    (remark,) = found(8, PLANS[1:2])
    assert remark.endswith("conv_1 (fp16, 5.56 %), conv_2 (fp16, 8.33 %), conv_3 (fp16, 11.11 %) and 4 more.")
