"""The architectures of libraries, read from their sources, are those that the libraries say they have."""

import subprocess
import sys
from pathlib import Path

import pytest

from zoo.config import library_names
from zoo.config.library_names import name_fault, optimizer_fault, package_fault
from zoo.config.model_spec import ModelSpec
from zoo.config.weights_source import WeightsSource

pytestmark = pytest.mark.long(20)

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


def fault(library: str, architecture: str) -> str:
    return name_fault(ModelSpec("mine", library, architecture))  # type: ignore[arg-type]


def test_the_names_and_tags_of_timm_are_known():
    import timm.models
    from timm.models import _registry

    folder = Path(timm.models.__file__).parent
    assert library_names._of_timm(folder) == set(_registry._model_entrypoints)
    tagged = sorted(name for name in _registry._model_pretrained_cfgs if "." in name)
    assert not [name for name in tagged[::40] if fault("timm", name)]


def test_every_optimizer_of_timm_is_taken_and_another_is_not():
    from timm.optim import _optim_factory

    def told(name: str) -> str:
        weights = WeightsSource.from_config("mine", {"train": {"images": "digits", "optimizer": name}})
        return optimizer_fault(ModelSpec("mine", "timm", "resnet18", weights=weights))

    names = sorted(_optim_factory.default_registry._optimizers)
    assert {"nesterov", "bnblion", "adamw"} <= set(names)
    assert not [name for name in names if told(name) or told(f"lookahead_{name}")]
    assert told("adamx").endswith("timm has no optimizer adamx; did you mean adamax?")


def test_a_package_of_weights_that_is_not_installed_is_told():
    def told(entry: dict) -> str:
        weights = WeightsSource.from_config("mine", entry)
        return package_fault(ModelSpec("mine", "timm", "resnet18", weights=weights))

    assert told({"package": "numpy"}) == told({"random": 1}) == told({"file": "no-such-thing"}) == ""
    assert told({"package": "no-such-thing-at-all"}) == (
        "weights: package: no-such-thing-at-all is not installed; pip install no-such-thing-at-all"
    )
    assert told({"package": "nunpy"}).endswith("is not installed; did you mean numpy?")


def test_the_names_of_torchvision_and_open_clip_are_known():
    import open_clip
    from torchvision import models

    assert library_names._of_torchvision(Path(models.__file__).parent) == set(models.list_models())
    folder = Path(open_clip.__file__).parent / "model_configs"
    assert library_names._of_open_clip(folder) == set(open_clip.list_models())


@pytest.mark.parametrize(
    ("library", "architecture", "said"),
    [
        ("timm", "convnext_ato", "timm has no model convnext_ato; did you mean convnext_atto?"),
        ("timm", "convnext_ato.d2_in1k", "timm has no model convnext_ato; did you mean convnext_atto?"),
        ("timm", "convnext_atto.d2_in1", "timm's convnext_atto has no weights d2_in1; did you mean d2_in1k?"),
        ("timm", "convnext_atto.x", "timm's convnext_atto has no weights x; it has: d2_in1k"),
        ("timm", "qqqq", "timm has no model qqqq; its families are in docs/architectures.md"),
        ("torchvision", "resnet5", "torchvision has no model resnet5; did you mean resnet50?"),
        ("open_clip", "ViT-B-33.openai", "open_clip has no model ViT-B-33; did you mean ViT-B-32?"),
        ("timm", "convnext_atto", ""),
        ("timm", "convnext_tiny_in22k", ""),  # the former name of another
        ("torchvision", "resnet50.IMAGENET1K_V2", ""),
        ("torchvision", "fasterrcnn_resnet50_fpn", ""),
        ("open_clip", "hf-hub:owner/name", ""),
        ("module", "json:convnext_ato", ""),  # the user's own
        ("onnx", "convnext_ato.onnx", ""),
    ],
)
def test_a_name_that_a_library_does_not_have_is_told_with_the_nearest(
    library: str, architecture: str, said: str
):
    assert fault(library, architecture) == said


def test_a_module_that_is_neither_here_nor_installed_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets").mkdir()
    (tmp_path / "mine.py").touch()
    assert (
        fault("module", "nets.small:build")
        == fault("module", "mine:build")
        == fault("module", "json:x")
        == ""
    )
    said = "there is no module nest here, and none is installed; did you mean nets?"
    assert fault("module", "nest.small:build") == said


def test_of_a_library_that_is_not_here_or_looks_otherwise_nothing_is_known(tmp_path, monkeypatch):
    monkeypatch.setattr(library_names, "find_spec", lambda name: None)
    assert not fault("timm", "convnext_ato")
    (tmp_path / "models").mkdir()
    (tmp_path / "models/net.py").write_text("NETS = {}\n")
    spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(library_names, "find_spec", lambda name: spec)
    assert not fault("timm", "convnext_ato") and not fault("torchvision", "resnet5")


def test_no_library_is_loaded_for_it():
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r})\n"
        "from zoo.config.library_names import name_fault\nfrom zoo.config.model_spec import ModelSpec\n"
        "assert all(name_fault(ModelSpec('m', each, 'x')) for each in ('timm', 'torchvision', 'open_clip'))\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "timm", "torchvision", "open_clip", "numpy", "PIL"} & set(loaded.split())
