"""A manifest of files that there are."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from samples.artifacts import make_tree, proof
from zoo.jobs.files import replacing
from zoo.jobs.made import sha256
from zoo.jobs.reporting import reporting
from zoo.provenance.describe import describe
from zoo.provenance.manifest import FAILED, NOT_VERIFIED, PASSED, DescribedArtifact, Manifest


@dataclass
class FakeJob:
    rule: str = "ncnn_fp32"
    input: list[str] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=lambda: {"code": "abc"})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "results/.made").mkdir(parents=True)
    return make_tree(tmp_path).parents[2]


def files_of(root: Path) -> list[Path]:
    return [path for path in root.rglob("*.*") if path.is_file() and ".made" not in str(path)]


def described(root: Path) -> Manifest:
    (root / "sbom.cdx.json").write_text("{}")
    settings = {"small": {"opset": 17}, "absent": {"opset": 11}}
    return describe(files_of(root), settings, root, root / "sbom.cdx.json")


def only_artifact(root: Path) -> DescribedArtifact:
    (artifact,) = described(root).artifacts
    return artifact


def test_every_file_has_its_hash_and_its_size_and_every_model_its_weights_and_settings(root: Path):
    manifest = described(root)
    assert {path: each.sha256 for path, each in manifest.files.items()} == {
        path.relative_to(root).as_posix(): sha256(path) for path in files_of(root)
    }
    assert manifest.files["cpu/small/fp32.bin"].bytes == (root / "cpu/small/fp32.bin").stat().st_size
    assert set(manifest.models) == {"small"} and manifest.models["small"].settings == {"opset": 17}
    weights = manifest.models["small"].weights
    assert weights and (weights.licence, weights.source["location"]) == ("MIT", "owner/small")
    assert manifest.sbom in manifest.files


def test_how_a_file_was_made_is_told_if_it_was_written_down_of_these_bytes(root: Path):
    assert described(root).files["cpu/small/fp32.bin"].made is None
    file = root / "cpu/small/fp32.bin"
    content, job = file.read_bytes(), FakeJob(input=[str(root / "weights/small.json")])
    with reporting(root.parent / "log", "a", job), replacing(file) as (temporary,):
        temporary.write_bytes(content)
    manifest = described(root)
    made = manifest.files["cpu/small/fp32.bin"].made
    assert made and made.rule == "ncnn_fp32" and made.params == {"code": "abc"}
    assert made.inputs == {str(root / "weights/small.json"): sha256(root / "weights/small.json")}
    assert made.command == f"snakemake --force {file}"
    assert "torch" in manifest.surroundings[made.surroundings].tools
    file.write_bytes(content + b"more")
    assert described(root).files["cpu/small/fp32.bin"].made is None, "nobody knows where these come from"


def test_a_verdict_comes_with_its_figures_and_gates(root: Path):
    artifact = only_artifact(root)
    assert artifact.files == ("cpu/small/fp32.param", "cpu/small/fp32.bin")
    verdict = artifact.verdict
    assert (verdict.status, verdict.reasons, verdict.gates) == (PASSED, (), {"min_cosine": 0.99})
    assert verdict.figures and (verdict.figures.sqnr_db, verdict.figures.images) == (40.04, 3)


def test_a_failure_is_told_with_its_reasons(root: Path):
    files = root / "cpu/small/fp32.param", root / "cpu/small/fp32.bin"
    proof(*files, failures=("cosine .5",)).write(root / "cpu/small/fp32.verify.json")
    assert (only_artifact(root).verdict.status, only_artifact(root).verdict.reasons) == (
        FAILED,
        ("cosine .5",),
    )


def test_a_proof_of_other_bytes_proves_nothing(root: Path):
    (root / "cpu/small/fp32.bin").write_bytes(b"other")
    verdict = only_artifact(root).verdict
    assert verdict.status == NOT_VERIFIED and "is not the file that was verified" in verdict.reasons[0]
    (root / "cpu/small/fp32.verify.json").unlink()
    assert only_artifact(root).verdict.reasons == ("there is no proof",)
