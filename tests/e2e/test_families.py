"""Three of timm's families, which the commit picks, reach ONNX and ncnn: each turn others, all in the end.

Not a long test, which one shard in four would run: every commit tries its three.
"""

from pathlib import Path

import pytest

from shards import commit
from zoo.config.model_spec import ModelSpec
from zoo.sweep.examine import Pictures, examine, pictures, smallest
from zoo.sweep.listed import Family, for_commit
from zoo.sweep.row import EXACT, FP32, ONNX, Outcome, Row

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("family", for_commit(commit() or "0", 3), ids=lambda family: family.name)
def test_a_family_is_right_where_its_row_says_so_or_says_why_not(family: Family, tmp_path: Path):
    spec = smallest(ModelSpec.from_config(family.name, {"timm": family.entry, "weights": {"random": 0}}))
    few = Pictures(pictures(PROJECT).compared[:2], ())
    start = Row(family.library, family.name, family.entry)
    row = examine(spec, start, few, tmp_path, lambda _: None, artifacts=(ONNX, FP32))
    kept = Row.read(PROJECT / family.row) if (PROJECT / family.row).is_file() else None
    for artifact in (ONNX, FP32):
        assert row.works(artifact) or row.why(artifact), f"{artifact}: wrong, and nothing says why"
        cosine = row.artifacts.get(artifact, Outcome()).cosine
        assert cosine is None or cosine >= EXACT, f"{artifact} came out, and answers otherwise: {cosine}"
        if kept is not None and kept.works(artifact):
            assert row.works(artifact), f"{artifact} was right: {row.why(artifact)}"
