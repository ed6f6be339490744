"""What a job imports: torch costs seconds, so only the jobs that need it may load it."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
WITH_TORCH = {"weights", "import_file", "train", "torchscript", "onnx_export", "reference"}
WITHOUT_TORCH = sorted(path.stem for path in SCRIPTS.glob("*.py") if path.stem not in WITH_TORCH)


@pytest.mark.parametrize("script", WITHOUT_TORCH)
def test_a_job_outside_the_weights_and_export_stages_loads_no_torch(script: str):
    code = f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); import {script}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "timm", "torchvision", "onnxsim", "sklearn"} & set(loaded.split())


def test_the_rules_load_nothing_heavy_when_they_are_parsed():
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r})\n"
        "import zoo.code_hash, zoo.spec, zoo.image_sets, zoo.errors; print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "numpy", "PIL", "ncnn"} & set(loaded.split())
