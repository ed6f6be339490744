"""TorchScript files as models."""

import pytest
import torch

from samples.sources import fully, refused, traced


@pytest.mark.filterwarnings("ignore")
def test_a_torchscript_file_that_cannot_serve(tmp_path):
    broken = fully()
    with torch.no_grad():
        broken.body[0].weight[0, 0, 0, 0] = torch.nan
    refused(
        traced(broken, tmp_path / "nan.pt"),
        tmp_path / "out",
        r"nan\.pt holds NaN or infinity: 1 tensors \(body\.0\.weight\)",
    )
    gray = traced(fully(1), tmp_path / "gray.pt", (1, 1, 8, 8))
    refused(
        gray, tmp_path / "out", r"tiny: it does not take inputs of the shape \[1, 3, 224, 224\] .*channels"
    )
