"""The image towers of open_clip's models."""

import numpy as np
import safetensors.torch
import torch

from samples.sources import (
    build,
    passed,
)
from zoo.config.model_spec import ModelSpec
from zoo.config.records.card import Output
from zoo.images.preprocess import mean_norm


def test_the_record_of_clip_gives_ncnns_mean_and_norm():
    from zoo.models.libraries.open_clip_models import preprocess

    record = preprocess(ModelSpec.from_config("m", {"open_clip": "convnext_base_w.laion2b_s13b_b82k"}))
    assert record.size == (256, 256) and record.crop_pct == 1.0
    assert record.mean == (0.48145466, 0.4578275, 0.40821073)
    assert record.std == (0.26862954, 0.26130258, 0.27577711)
    mean, norm = mean_norm(record)
    np.testing.assert_allclose(mean, (122.7709, 116.7460, 104.0937), atol=1e-4)
    np.testing.assert_allclose(norm, (0.0145984, 0.0150078, 0.0142201), atol=1e-7)


def tiny_clip() -> dict:
    tower = {"timm_model_name": "test_convnext", "timm_pool": "", "timm_proj": "linear", "image_size": 64}
    text = {"context_length": 8, "vocab_size": 64, "width": 16, "heads": 2, "layers": 1}
    args = {"embed_dim": 24, "vision_cfg": tower, "text_cfg": text}
    return {"open_clip": "convnext_base_w", "args": args}


def test_the_image_tower_of_a_clip_model(tmp_path):
    """Its weights are found in a checkpoint of both towers."""
    import open_clip

    torch.manual_seed(0)
    whole = open_clip.create_model("convnext_base_w", load_weights=False, **tiny_clip()["args"])
    safetensors.torch.save_file(whole.state_dict(), tmp_path / "clip.safetensors")
    built = build(tiny_clip() | {"weights": {"file": str(tmp_path / "clip.safetensors")}}, tmp_path / "out")
    passed(built)
    assert built.card.task == "other" and built.card.outputs == (Output("output", (24,)),)
    assert built.card.input == (3, 64, 64) and built.card.num_classes is None
    kept = safetensors.torch.load_file(tmp_path / "out/tiny.safetensors")
    assert torch.equal(kept["head.proj.weight"], whole.state_dict()["visual.head.proj.weight"])
