"""What the report tells to ship."""

from dataclasses import replace

from samples.report import benchmark, card, verification
from zoo.config.settings import Best
from zoo.deploy.best import choose
from zoo.report.records import ModelRecords
from zoo.report.row import rows
from zoo.report.shipping import shipments


def built(device="cpu", artifacts=("fp32", "fp16", "int8"), **ratios):
    """Records of a model whose artifacts take these times of fp32."""
    proofs = [verification("net", device, artifact) for artifact in artifacts]
    timed = [benchmark("net", device, artifact, ratio=ratios.get(artifact)) for artifact in artifacts]
    return ModelRecords(card("net"), proofs, timed)


def shipped(model, **asked):
    found = shipments([model], rows([model]), {"net": Best(**asked)} if asked else None)
    return found[0] if len(found) == 1 else found


def test_it_is_the_artifact_that_the_rule_best_would_choose():
    model = built()
    ship = shipped(model)
    assert ship.row.artifact == choose(model.verify, model.bench, Best()).artifact == "int8"
    assert ship.files == ("cpu/net/int8.param", "cpu/net/int8.bin")
    assert ship.gains == ("3.57 times smaller", "1.69 times faster")
    assert shipped(model, objective="most_faithful", max_mb=4.0).row.artifact == "fp16"


def test_a_record_of_the_best_is_what_counts():
    model = built()
    fp16 = choose(model.verify, model.bench, Best(objective="most_faithful", max_mb=4.0))
    ship = shipped(replace(model, best=[fp16]))
    assert ship.row.artifact == "fp16"
    assert ship.reason == fp16.reason


def test_where_nothing_passes_nothing_is_to_be_shipped_and_it_says_why():
    failed = verification("net", failures=["cosine is 0.5, below the gate 0.99"])
    ship = shipped(ModelRecords(card("net"), [failed]))
    assert ship.row is None
    assert "cosine is 0.5" in ship.reason


def test_each_device_has_its_own_and_times_of_a_software_gpu_are_no_gain():
    cpu, gpu = built(), built("gpu")
    both = replace(cpu, verify=[*cpu.verify, *gpu.verify], bench=[*cpu.bench, *gpu.bench])
    ships = shipped(both)
    assert [(each.device, each.gains) for each in ships] == [
        ("cpu", ("3.57 times smaller", "1.69 times faster")),
        ("gpu", ("3.57 times smaller",)),
    ]


def test_a_slower_file_is_said_to_be_slower_and_fp32_has_no_gains():
    assert shipped(built(fp16=1.4, int8=1.3), objective="smallest").gains == (
        "3.57 times smaller",
        "1.30 times slower",
    )
    assert shipped(built(fp16=1.4, int8=1.3)).gains == ()


def test_what_was_timed_in_part_is_chosen_by_size():
    model = built()
    ship = shipped(replace(model, bench=model.bench[:1]))
    assert "not timed" in ship.reason


def test_onnx_alone_is_nothing_that_ncnn_runs():
    assert shipped(built(artifacts=("fp32.onnx",))) == []
