"""Weight files of a tiny model of timm's, by every way that weights come."""

import safetensors.torch
import timm
import torch

from zoo.config.model_spec import ModelSpec


def spec(timm_name="test_resnet", **entry):
    return ModelSpec.from_config("tiny", {"timm": timm_name, "weights": {"random": 5}, **entry})


def from_file(path, timm_name="test_resnet", **weights):
    return spec(timm_name, weights={"file": str(path), **weights})


def reference(timm_name="test_resnet", **args):
    """A model of timm's with weights unlike any initialization of ours, in eval mode."""
    with torch.random.fork_rng():
        torch.manual_seed(99)
        return timm.create_model(timm_name, **args).eval()


def same(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def renamed(state):
    return {
        f"net.layer{index}.{name.rpartition('.')[2]}": tensor
        for index, (name, tensor) in enumerate(state.items())
    }


def stored(folder):
    """A file of the reference's weights."""
    path = folder / "weights.safetensors"
    safetensors.torch.save_file(reference().state_dict(), path)
    return path


def changed(folder, change):
    """The specification of a file of the reference's weights after `change` of its state dict."""
    state = dict(reference().state_dict())
    change(state)
    torch.save(state, folder / "changed.pth")
    return from_file(folder / "changed.pth")


def package(folder):
    """A distribution `tiny-weights` with a weight file, installed once the folder returned is on the path."""
    site = folder / "site"
    (site / "tiny_weights").mkdir(parents=True)
    info = site / "tiny_weights-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.2\nLicense: MIT\n")
    torch.save(renamed(reference().state_dict()), site / "tiny_weights" / "tiny.pth")
    (info / "RECORD").write_text("tiny_weights/tiny.pth,,\ntiny_weights-1.2.dist-info/METADATA,,\n")
    return site
