"""What is said where torch's ONNX exporter fails: operator, module and the true way out."""

import pytest
import torch
from torch import nn

from zoo.errors import ZooError
from zoo.export.onnx import export_onnx


class Sampling(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.grid_sample(x, x[:, :2].permute(0, 2, 3, 1), align_corners=False)


class Eigen(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.linalg.eigvals(x.mean((0, 1))[:3, :3]).real


@pytest.mark.parametrize(
    ("layers", "opset", "said"),
    [
        ([nn.ReLU(), Sampling()], 11, r"no form of aten::grid_sampler in 1; ask for opset: 16 or later$"),
        ([nn.ReLU(), Eigen()], 17, r"no form of aten::linalg_eigvals in 1; write it in other operators"),
        ([nn.AdaptiveAvgPool2d(3)], 17, r"adaptive_avg_pool2d in 0 is not exported \(output size"),
    ],
)
@pytest.mark.parametrize("logging", [False, True])
def test_a_failed_export_names_operator_and_module(layers, opset, said, logging, tmp_path, capfd, request):
    request.addfinalizer(lambda: torch._C._jit_set_onnx_log_enabled(False))
    torch._C._jit_set_onnx_log_enabled(logging)  # as another export leaves it
    with pytest.raises(ZooError, match=said) as caught:
        export_onnx(nn.Sequential(*layers), torch.zeros(1, 3, 4, 4), tmp_path / "fp32.onnx", opset)
    assert len(str(caught.value)) < 400 and "graph(" not in str(caught.value)
    assert "choose another" not in str(caught.value)
    assert "graph(" not in "".join(capfd.readouterr()), "torch's graph is not printed either"
