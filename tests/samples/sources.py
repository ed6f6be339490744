"""Models of every kind of source, tiny and real, and their way through the stages without Snakemake."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torch import nn

import import_file
import ncnn_fp32
import onnx_export
import reference
import torchscript
import verify
import weights
from zoo.config.model_spec import ModelSpec
from zoo.config.opset import DEFAULT_OPSET
from zoo.config.records.card import ModelCard
from zoo.errors import ZooError
from zoo.jobs.records import read_json
from zoo.runners.artifact import Artifact

GATES = {"min_cosine": 0.9999}
PICTURES = {"name": "natural", "path": "calib/natural", "images": 2}
FORMATS = {"fp32": "ncnn", "fp32.onnx": "onnxruntime", "torchscript": "torch"}


@dataclass
class Built:
    """What became of a model: its card, and the verification of each artifact."""

    card: ModelCard
    reports: dict[str, dict[str, Any]]
    folder: Path


def build(entry: dict[str, Any], folder: Path, samples: Path | None = None) -> Built:
    """Take a model of config.yaml from its source to verified TorchScript, ONNX and ncnn fp32.

    samples: the images to verify on; by default some of noise.
    """
    spec = ModelSpec.from_config("tiny", entry)
    card, kept = str(folder / "tiny.json"), str(folder / f"tiny{spec.kind.suffix}")
    (import_file if spec.kind.is_file else weights).main(spec=spec, weights=kept, card=card)
    files = {
        "torchscript": (folder / "torchscript.pt",),
        "fp32.onnx": (folder / "fp32.onnx",),
        "fp32": (folder / "fp32.param", folder / "fp32.bin"),
    }
    onnx, traced = str(folder / "fp32.onnx"), str(folder / "torchscript.pt")
    onnx_export.main(spec=spec, weights=kept, card=card, opset=DEFAULT_OPSET, output=onnx)
    converted = dict(zip(("param", "weights"), map(str, files["fp32"]), strict=True))
    converted |= {"record": str(folder / "fp32.conversion.json"), "pictures": PICTURES}
    if "torchscript" in spec.kind.without:
        del files["torchscript"]
        ncnn_fp32.main(source=onnx, card=card, **converted)
    else:
        torchscript.main(spec=spec, weights=kept, card=card, device="cpu", output=traced)
        ncnn_fp32.main(source=traced, card=card, **converted)
    images = {"name": "noise", "path": str(samples or noise_images(folder / "noise"))}
    truth = str(folder / "reference.npz")
    reference.main(spec=spec, weights=kept, card=card, images=images, threads=1, output=truth)
    reports = {}
    for name, own in files.items():
        artifact = Artifact("tiny", "cpu", name, FORMATS[name], "fp32", own)
        verify.main(
            artifact=artifact,
            fp32=(),
            card=card,
            reference=truth,
            images=images,
            images_state="as planned",
            gates=GATES,
            threads=1,
            memory_mb=3000,
            output=str(folder / "verify.json"),
        )
        reports[name] = read_json(folder / "verify.json")
    return Built(ModelCard.read(card), reports, folder)


def noise_images(folder: Path) -> Path:
    """Three pictures of different shapes."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for index, (height, width) in enumerate([(40, 60), (64, 64), (90, 50)]):
        pixels = generator.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((width, height)).save(folder / f"{index}.png")
    return folder


SMALL = {"size": [32, 32], "crop_pct": 1.0}


def passed(built, cosine: float = 0.99999) -> None:
    """Every artifact agrees with the source, over all its outputs."""
    for name, report in built.reports.items():
        assert report["verdict"]["passed"], (name, report["verdict"]["failures"])
        assert report["numbers"]["cosine"]["min"] > cosine


def refused(entry: dict, folder, text: str) -> None:
    with pytest.raises(ZooError, match=text):
        build(entry, folder)
    assert not list(folder.glob("fp32.param"))


def exported(model: nn.Module, path, shape=(1, 3, 32, 48), **options) -> dict:
    torch.manual_seed(0)
    torch.onnx.export(
        model.eval(), (torch.zeros(shape),), str(path), opset_version=17, dynamo=False, **options
    )
    return {"onnx": str(path)}


def traced(model: nn.Module, path, shape=(1, 3, 32, 48)) -> dict:
    torch.jit.save(torch.jit.trace(model.eval(), torch.zeros(shape)), str(path))
    return {"torchscript": str(path)}


def onnx_model(
    nodes, path, inputs=(("x", [1, 3, 8, 8]),), weights=(), kind=TensorProto.FLOAT, opset=17
) -> dict:
    ends = [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "c", "h", "w"])
    graph = helper.make_graph(list(nodes), "g", ends, [output], list(weights))
    opsets = [helper.make_opsetid("", opset)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return {"onnx": str(path)}


RANDOM = np.random.default_rng(0)
KERNEL = numpy_helper.from_array(RANDOM.standard_normal((4, 3, 3, 3), np.float32), "w")
CONV = helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1])
