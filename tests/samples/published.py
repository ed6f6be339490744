"""A working folder with a model that may be published."""

import hashlib
from dataclasses import replace
from pathlib import Path

import yaml

from samples.report import benchmark, card, evaluation, verification
from zoo.config.records.verification import Verification

SETS = {"heldout": {"path": "photos"}, "digits_test": {"dataset": "digits"}}


def _write(proof: Verification, folder: Path) -> None:
    """A proof, with the files that it is of."""
    files = []
    for file in proof.structure.files:
        data = f"bytes of {file.name}".encode()
        (folder / file.name).write_bytes(data)
        files.append(replace(file, bytes=len(data), sha256=hashlib.sha256(data).hexdigest()))
    proof = replace(proof, structure=replace(proof.structure, files=tuple(files)))
    proof.write(folder / f"{proof.artifact}.verify.json")


def build(home: Path) -> Path:
    """A working folder: of its model fp32 passed, int8 failed; its images say where they are from."""
    folder = home / "results/cpu/net"
    folder.mkdir(parents=True)
    (home / "results/weights").mkdir()
    card("net").write(home / "results/weights/net.json")
    _write(verification("net", artifact="fp32"), folder)
    _write(verification("net", failures=["no"]), folder)
    benchmark("net", artifact="fp32").write(folder / "fp32.bench.json")
    evaluation("net", artifact="fp32").write(folder / "fp32.eval.json")
    (folder / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n\n# net\n")
    (folder / "calibration.npz").write_bytes(b"of no use to anybody else")
    (home / "photos").mkdir()
    (home / "photos/SOURCES.md").write_text("CC0")
    (home / "config.yaml").write_text(yaml.safe_dump({"image_sets": SETS, "models": {}}))
    return home
