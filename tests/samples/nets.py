"""Models of a user's own, tiny and real; a file that can be copied as it is."""

from typing import Any

import torch
from torch import nn


class TwoViews(nn.Module):
    """An image, a mask of half its size and a vector in; a map, a vector and a number out."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, 2, 1)
        self.side = nn.Conv2d(1, width, 1)
        self.linear = nn.Linear(width + 5, 6)
        self.heat = nn.Conv2d(width, 2, 1)

    def forward(self, image: torch.Tensor, mask: torch.Tensor, extra: torch.Tensor) -> dict[str, Any]:
        x = torch.relu(self.stem(image) + self.side(mask))
        vector = self.linear(torch.cat([x.mean((2, 3)), extra], 1))
        return {"heatmap": self.heat(x), "box": [vector, vector.sum(1, keepdim=True)]}


def two_views(width: int = 8) -> nn.Module:
    """The entry point of the same."""
    return TwoViews(width)


class Fully(nn.Module):
    """Convolutions and pooling: takes an image of any size."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, 8, 3, 2, 1), nn.GELU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU()
        )
        self.head = nn.Linear(8, 7)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.head(self.body(image).mean((2, 3)))
        return output


def fully(channels: int = 3) -> nn.Module:
    """The entry point of the same."""
    return Fully(channels)


class Gated(nn.Module):
    """Its addcmul has no form on pnnx's way from TorchScript, and one on that from ONNX."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 8, 3, 2), nn.Linear(8, 5)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        x = self.stem(image)
        x = torch.addcmul(x, x, x.sigmoid(), value=0.5)
        return {"scores": self.head(x.mean((2, 3))), "map": x}


def gated() -> nn.Module:
    """The entry point of the same."""
    return Gated()
