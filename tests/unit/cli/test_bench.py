"""`zoo bench`: times here and now, beside fp32."""

import json
import shutil
from pathlib import Path

from samples.artifacts import make_tree
from samples.command import call


def test_times_are_told_beside_fp32s_and_no_record_is_written(tmp_path: Path):
    param = make_tree(tmp_path)
    record = json.loads(call("bench", param, "--runs", 3, "--json").stdout)
    assert (record["model"], record["artifact"]) == ("small", "fp32")
    assert record["latency"][0]["threads"] == 1 and record["latency"][0]["ratio"] > 0
    assert record["bytes"] == sum(file.stat().st_size for file in (param, param.with_suffix(".bin")))
    assert not list(param.parent.glob("*.bench.json"))
    assert "of fp32's time" in call("bench", param, "--runs", 3).stdout


def test_fp32_must_lie_beside_it(tmp_path: Path):
    param = make_tree(tmp_path)
    for end in ("param", "bin"):
        shutil.move(param.with_suffix(f".{end}"), param.with_name(f"fp16.{end}"))
    done = call("bench", param.with_name("fp16.param"))
    assert (
        done.exit_code == 1 and "fp32.param: there is no such file, and times are told beside" in done.stderr
    )
