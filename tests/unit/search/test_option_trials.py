"""A search of options in ncnn itself. Nothing here judges how long something takes."""

from dataclasses import replace

import pytest

from samples.artifacts import artifact, pair, photos, reference
from samples.cards import card
from samples.ncnn import small_network
from samples.trials import LATENCY
from zoo.config.records.options import RuntimeOptions
from zoo.config.records.proof import RuntimeInfo
from zoo.measure.reference_set import ReferenceSet
from zoo.ncnn.options import Options
from zoo.search import option_trials
from zoo.search.option_trials import Trials, chosen_options

SEARCH = {"search": True, "search_threads": True, "by_hand": {"use_winograd_convolution": False}}


@pytest.fixture
def tried(tmp_path):
    """An artifact, and images with fp32's answers."""
    graph, samples = small_network(), photos(tmp_path)
    int8 = artifact(*pair(graph, tmp_path), precision="fp16")
    return int8, ReferenceSet("held-out", tuple(samples), card().feed, reference(graph, samples, tmp_path))


def test_what_is_said_by_hand_needs_no_images(tmp_path):
    fp32 = artifact(*pair(small_network(), tmp_path))
    asked = {"search": False, "search_threads": False, "by_hand": {"use_bf16_storage": True, "threads": 3}}
    found = chosen_options(fp32, asked, {}, None, 1, 1000)
    assert found.options == Options({"use_bf16_storage": True}, 3)
    assert found.by_hand == ("use_bf16_storage", "threads") and found.hashes == fp32.hashes()
    assert found.reason == "said by hand: use_bf16_storage on, 3 threads"
    assert found.tried == () and found.runtime is None


def test_each_choice_is_timed_beside_the_usual_and_judged(tried, monkeypatch):
    pairs = []

    def time_beside(own, beside, shapes, threads, longest_s, fp32_threads):
        pairs.append((own.options, beside.options))
        faster = own.options.switches.get("use_sgemm_convolution") is False and beside.options != own.options
        faster = faster and "use_sgemm_convolution" not in beside.options.switches
        return replace(LATENCY, ratio=0.5 if faster else 1.0), RuntimeInfo("ncnn", "1", "a CPU")

    monkeypatch.setattr(option_trials, "time_beside", time_beside)
    monkeypatch.setattr(option_trials, "cpu_count", lambda: 2)
    fp16, against = tried
    found = chosen_options(fp16, SEARCH, {"min_sqnr_db": 10.0}, against, 1, 1000)
    assert RuntimeOptions.from_dict(found.to_dict()) == found
    assert found.options == Options({"use_winograd_convolution": False, "use_sgemm_convolution": False})
    assert found.by_hand == ("use_winograd_convolution",)
    assert (found.ratio, found.images, found.runtime.name) == (0.5, 3, "ncnn")
    names = {each.name for each in found.tried}
    assert names == {
        *("no sgemm", "no packing", "bf16 storage", "fp32 arithmetic", "fp32 storage"),
        "2 threads",
    }
    bf16 = next(each for each in found.tried if each.name == "bf16 storage")
    same = next(each for each in found.tried if each.name == "fp32 arithmetic")
    assert 20 < bf16.sqnr_db < 80 < same.sqnr_db, "x86 has no arithmetic in float16"
    assert pairs[0][1] == Options({"use_winograd_convolution": False})


def test_nothing_is_searched_on_a_software_gpu(tried, monkeypatch):
    fp16, against = tried
    info = RuntimeInfo("ncnn", "1", "llvmpipe", software_gpu=True)
    reference_outputs = against.reference.outputs
    monkeypatch.setattr(option_trials, "outputs", lambda *_: (reference_outputs, info))
    monkeypatch.setattr(option_trials, "time_beside", None)
    found = chosen_options(replace(fp16, device="gpu"), SEARCH, {}, against, 1, 1000)
    assert found.options == Options({"use_winograd_convolution": False}) and found.tried == ()
    assert "nothing is searched on a software GPU" in found.reason


def test_a_choice_is_timed_with_the_threads_that_it_says(tried):
    fp16, against = tried
    latency = Trials(fp16, against, 1, 1000).time(Options(threads=2), Options())
    assert latency.threads == 2 and latency.ratio > 0
