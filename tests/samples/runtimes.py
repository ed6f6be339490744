"""Models with their artifact for each runtime, and what torch makes of them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from zoo.export.onnx import export_onnx
from zoo.export.pnnx import run_pnnx
from zoo.export.torchscript import export_torchscript
from zoo.runners import RUNTIMES

IMAGE = np.random.default_rng(1).standard_normal((3, 16, 16)).astype(np.float32)


@dataclass
class Case:
    """A model, its artifact for each runtime, and torch's result after each of its modules for IMAGE."""

    files: dict[str, tuple[Path, ...]]
    results: list[np.ndarray]


def chain_of_layers(folder: Path) -> Case:
    """A model of one input and one output."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 10),
    ).eval()
    example = torch.from_numpy(IMAGE[None])
    names = ("torchscript.pt",), ("fp32.onnx",), ("fp32.param", "fp32.bin")
    files = {
        runtime: tuple(folder / name for name in group)
        for runtime, group in zip(RUNTIMES, names, strict=True)
    }
    export_torchscript(model, example, *files["torch"])
    export_onnx(model, example, *files["onnxruntime"])
    run_pnnx(*files["torch"], [example.shape], *files["ncnn"])
    results = []
    with torch.no_grad():
        for module in model:
            example = module(example)
            results.append(example[0].numpy())
    return Case(files, results)


class Both(nn.Module):
    """An image and a vector in; a map and scores, which see both of them, out."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.scale, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(5, 4), nn.Linear(4, 2)

    def forward(self, image: torch.Tensor, vector: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.stem(image) * self.scale(vector)[:, :, None, None]
        return found.relu(), self.head(found.mean(dim=(2, 3)))


PAIR = IMAGE, np.random.default_rng(2).standard_normal(5).astype(np.float32)


def two_by_two(folder: Path) -> Case:
    """A model of two inputs and two outputs; the results are those for PAIR."""
    torch.manual_seed(1)
    model = Both().eval()
    example = tuple(torch.from_numpy(each[None]) for each in PAIR)
    files = {
        "torch": (folder / "torchscript.pt",),
        "onnxruntime": (folder / "fp32.onnx",),
        "ncnn": (folder / "fp32.param", folder / "fp32.bin"),
    }
    export_torchscript(model, example, *files["torch"])
    names = ("image", "vector"), ("map", "scores")
    export_onnx(model, example, *files["onnxruntime"], names=names)
    run_pnnx(*files["torch"], [each.shape for each in example], *files["ncnn"], outputs=2)
    with torch.no_grad():
        return Case(files, [each[0].numpy() for each in model(*example)])
