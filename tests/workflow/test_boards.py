"""A board over ssh, which is this machine: proven, timed and chosen for there, by real builds."""

import json
import shutil
from pathlib import Path

import pytest

from samples.agents import LAYERS
from samples.boards import Board, Way
from samples.workflow import Zoo
from zoo.config.records.benchmark import Benchmark
from zoo.config.records.options import RuntimeOptions
from zoo.config.records.verification import Verification

FOLDER = "results/pi5/one"
PROOFS = [f"{FOLDER}/{name}.{proof}" for name in ("fp16", "int8") for proof in ("verify.json", "bench.json")]
TARGETS = (*PROOFS, f"{FOLDER}/fp16.eval.json", f"{FOLDER}/best.json")

pytestmark = pytest.mark.long(120, group="own agent")


@pytest.fixture
def way(board: Board):
    way = Way(board.port)
    board.know(way.port)
    yield way
    way.close()


def declare(zoo: Zoo, board: Board, way: Way, folder: Path, **changes) -> None:
    def change(config: dict) -> None:
        entry = board.entry(way.port) | {"folder": str(folder), "samples": 2} | changes
        config["targets"] = {"pi5": entry}
        config["agent_layers"] = list(LAYERS)

    zoo.configure(change)


def read(zoo: Zoo, path: str) -> dict:
    return json.loads((zoo / path).read_text())


@pytest.mark.usefixtures("own_agent")
def test_a_board_proves_times_chooses_and_is_emptied(zoo: Zoo, board: Board, way: Way, tmp_path):
    there = tmp_path / "there"
    declare(zoo, board, way, there)
    first = zoo.snakemake(*TARGETS, timeout=300)
    assert first.status == 0, first.text
    assert "bytes of artifacts were sent to pi5" in first.text
    for path in PROOFS:
        proof = read(zoo, path)
        assert proof["device"] == "pi5" and proof["runtime"]["features"] is not None
    search = read(zoo, f"{FOLDER}/int8.search.json")
    assert search["device"] == "pi5" and all(each["speedup"] for each in search["candidates"])
    benchmark = read(zoo, f"{FOLDER}/int8.bench.json")
    assert [entry["threads"] for entry in benchmark["latency"]] == [1]
    assert benchmark["conditions"]["throttled"] is False and benchmark["throughput"] is None
    best = read(zoo, f"{FOLDER}/best.json")
    assert "not timed" not in best["reason"] and best["threads"] == 1
    assert all(each["ratio"] is not None for each in best["contenders"])
    assert zoo.pending(*TARGETS) == set()

    shutil.rmtree(zoo / "results/pi5")
    sent, received = way.sent, len(list(there.iterdir()))
    again = zoo.snakemake(*TARGETS, timeout=300)
    assert again.status == 0, again.text
    assert "bytes of artifacts" not in again.text, "0 bytes of artifacts are sent for a second build"
    assert len(list(there.iterdir())) == received and way.sent - sent < sent

    emptied = zoo.snakemake("empty_boards")
    assert emptied.status == 0 and "MB were taken from pi5" in emptied.text, emptied.text
    assert not there.exists()


@pytest.mark.usefixtures("own_agent")
def test_options_are_searched_on_the_board_and_all_that_it_tells_names_them(
    zoo: Zoo, board: Board, way: Way, tmp_path
):
    declare(zoo, board, way, tmp_path / "there", threads=2)
    by_hand = {"use_winograd_convolution": False, "use_packing_layout": True}
    searched = {"search": True, "search_threads": True, "fp32": by_hand}
    zoo.configure(lambda config: config["models"]["one"].update(runtime=searched))
    jobs = zoo.build(*(f"{FOLDER}/fp32.{proof}" for proof in ("verify.json", "bench.json")))
    assert {"options of pi5/one/fp32", "benchmark pi5/one/fp32"} <= jobs
    found = RuntimeOptions.read(zoo / f"{FOLDER}/fp32.options.json")
    assert found.runtime.features is not None, "what was timed tells of itself as the agent does"
    assert {"no sgemm"} <= {each.name for each in found.tried}
    assert not {"no Winograd", "no packing"} & {each.name for each in found.tried}, "said by hand"
    assert all(each.ratio is not None and each.sqnr_db is not None for each in found.tried)
    assert dict(found.options.switches).items() >= by_hand.items()
    assert Verification.read(zoo / f"{FOLDER}/fp32.verify.json").options == found.options
    assert Benchmark.read(zoo / f"{FOLDER}/fp32.bench.json").options == found.options
    zoo.configure(lambda config: config["models"]["one"].pop("runtime"))


@pytest.mark.usefixtures("own_agent")
def test_a_board_that_goes_away_leaves_no_record(zoo: Zoo, board: Board, way: Way, tmp_path):
    declare(zoo, board, way, tmp_path / "there")
    way.close()
    outcome = zoo.snakemake(f"{FOLDER}/fp32.bench.json", timeout=300)
    assert outcome.status != 0
    assert "benchmark pi5/one/fp32: pi5: " in outcome.text and "nothing answers on its port" in outcome.text
    assert not (zoo / f"{FOLDER}/fp32.bench.json").exists()


@pytest.mark.usefixtures("own_agent")
def test_a_board_that_goes_away_in_the_middle_of_a_benchmark_leaves_no_record(
    zoo: Zoo, board: Board, way: Way, tmp_path
):
    declare(zoo, board, way, tmp_path / "there")
    bench = f"{FOLDER}/fp32.bench.json"
    zoo.build(f"{FOLDER}/fp32.verify.json")  # agent and artifacts are there
    before = way.sent + way.received
    zoo.build(bench)
    end = way.sent + way.received
    (zoo / bench).unlink()
    way.after = lambda: way.close() if way.sent + way.received > end + 0.8 * (end - before) else None
    outcome = zoo.snakemake(bench, timeout=300)
    assert outcome.status != 0
    assert "benchmark pi5/one/fp32: pi5: " in outcome.text
    assert "in the middle of a benchmark, of which nothing is kept; run again" in outcome.text
    assert not (zoo / bench).exists()


def test_what_no_board_can_be_is_refused(fresh_zoo: Zoo):
    fresh_zoo.configure(lambda config: config.update(targets={"pi5": {"ssh": "-oProxyCommand=x"}}))
    outcome = fresh_zoo.snakemake("--dry-run", f"{FOLDER}/fp16.verify.json")
    assert outcome.status != 0 and "targets" in outcome.text and "-oProxyCommand" in outcome.text
