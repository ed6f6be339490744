"""The benchmark of an artifact on a board."""

from dataclasses import replace
from pathlib import Path

import pytest

from samples.artifacts import artifact, pair
from samples.boards import Board
from samples.ncnn import small_network
from zoo.config.records.benchmark import Benchmark
from zoo.measure.board.benchmark import (
    benchmark_on_target,
    latency_on_target,
    most_threads_there,
    time_beside_on_target,
)
from zoo.ncnn.options import Options

pytestmark = pytest.mark.long(60, group="own agent")


def test_a_record_tells_all_that_a_board_can(board: Board, own_agent: Path, tmp_path):
    target = board.target(own_agent, threads=2)
    one = replace(artifact(*pair(small_network(), tmp_path), device="board"), target=target)
    one = replace(one, options=Options({"use_packing_layout": False}))
    record = benchmark_on_target(one, one, [(3, 8, 8)], runs=7)
    record.write(tmp_path / "x.bench.json")
    assert Benchmark.read(tmp_path / "x.bench.json") == record
    assert [(entry.threads, entry.runs) for entry in record.latency] == [(1, 7), (2, 7)]
    assert record.at(1).median_ms > 0 and record.at(1).reference.artifact == "fp32"
    assert record.device == record.hardware.host == "board" and record.hashes == one.hashes()
    assert record.options == one.options
    assert record.throughput is None and record.conditions is not None
    assert record.bytes == sum(file.stat().st_size for file in one.files) and record.peak_memory_bytes > 1e6


def test_an_artifact_is_timed_beside_itself_with_other_options_and_threads(
    board: Board, own_agent: Path, tmp_path
):
    target = board.target(own_agent, threads=2)
    one = replace(artifact(*pair(small_network(), tmp_path), device="board"), target=target)
    other = replace(one, options=Options({"use_packing_layout": False}))
    latency = time_beside_on_target(other, one, [(3, 8, 8)], (2, 1), runs=7)
    assert (latency.threads, latency.runs, latency.reference.artifact) == (2, 7, "fp32") and latency.ratio > 0
    assert most_threads_there(one) == 2


def test_a_candidate_is_timed_at_one_thread(board: Board, own_agent: Path, tmp_path):
    target = board.target(own_agent, threads=2)
    one = replace(artifact(*pair(small_network(), tmp_path), device="board"), target=target)
    latency = latency_on_target(one, one, [(3, 8, 8)], runs=6)
    assert (latency.threads, latency.runs, latency.reference.artifact) == (1, 6, "fp32")
    assert latency.ratio > 0
