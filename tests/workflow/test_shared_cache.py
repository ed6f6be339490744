"""Working copies of a tiny zoo that share what one of them made."""

from pathlib import Path

import pytest

from samples.workflow import Zoo, make_zoo

pytestmark = pytest.mark.long(80)

FP32 = "results/cpu/one/fp32.bin"
REFERENCE = "results/reference/one/verification.npz"
LOGS = {
    "weights one": "weights/one",
    "torchscript cpu/one": "torchscript/cpu/one",
    "ncnn fp32 cpu/one": "ncnn_fp32/cpu/one",
    "reference one (verification images)": "reference/one/verification",
}
MADE = set(LOGS)


def sharing(folder: Path, cache: Path) -> Zoo:
    zoo = make_zoo(folder)
    zoo.configure(lambda config: config.update(cache={"folder": str(cache), "max_gb": 1}))
    return zoo


def taken(zoo: Zoo) -> set[str]:
    """The jobs whose files came from the cache."""
    logs = {job: (zoo / f"results/logs/{name}.log").read_text() for job, name in LOGS.items()}
    return {job for job, log in logs.items() if "taken from " in log}


def test_a_second_copy_takes_what_the_first_made_and_an_edit_of_the_library_counts(tmp_path: Path):
    cache = tmp_path / "cache"
    first = sharing(tmp_path / "first", cache)
    assert first.build(FP32, REFERENCE) == MADE and not taken(first)
    second = sharing(tmp_path / "elsewhere/second", cache)
    assert second.build(FP32, REFERENCE) == MADE and taken(second) == MADE
    for name in (FP32, REFERENCE, "results/weights/one.json", "results/cpu/one/fp32.conversion.json"):
        assert (second / name).read_bytes() == (first / name).read_bytes()
    # what was taken is as if it had been made here
    assert not second.pending(FP32, REFERENCE)

    module = second / "scripts/zoo/export/pnnx.py"
    module.write_text(module.read_text() + "\n\nEDITED = True\n")
    assert second.build(FP32, REFERENCE) == {"ncnn fp32 cpu/one"}
    assert taken(second) == MADE - {"ncnn fp32 cpu/one"}

    outcome = second.snakemake("prune_cache")
    assert outcome.status == 0 and "0 entries with 0.00 GB were removed" in outcome.text, outcome.text
    second.configure(lambda config: config["cache"].update(max_gb=0.000001))
    outcome = second.snakemake("prune_cache")
    assert outcome.status == 0 and "5 entries with" in outcome.text, outcome.text
    assert not list(cache.glob("entries/*/*"))


def test_a_cache_of_another_version_is_left_alone(tmp_path: Path):
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "ncnn-zoo-cache.json").write_text('{"version": 7}')
    zoo = sharing(tmp_path / "zoo", cache)
    outcome = zoo.snakemake("--dry-run", FP32)
    assert outcome.status == 0 and f"note: {cache} is a cache of version 7" in outcome.text
    assert outcome.text.count("of version 7") == 1
    outcome = zoo.snakemake("prune_cache")
    assert outcome.status == 1 and "is a cache of version 7" in outcome.text
    assert [path.name for path in cache.iterdir()] == ["ncnn-zoo-cache.json"]
