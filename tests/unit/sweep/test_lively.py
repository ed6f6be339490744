import timm
import torch
from torch import nn

from zoo.sweep.lively import is_steady, randomize


def test_no_branch_is_multiplied_by_nearly_zero_and_activations_stay_finite():
    model = timm.create_model("test_convnext").eval()
    assert any("gamma" in name for name, _ in model.named_parameters())
    randomize(model, shape=(1, 3, 64, 64))
    for name, parameter in model.named_parameters():
        if "gamma" in name:
            assert parameter.abs().min() >= 0.2
            assert {-1.0, 1.0} <= set(parameter.sign().tolist()) or parameter.numel() < 4
    with torch.no_grad():
        assert torch.isfinite(model(torch.randn(1, 3, 64, 64))).all()


def test_scales_stay_scales_or_all_signal_would_be_lost():
    model = timm.create_model("test_nfnet").eval()
    gains = [parameter.detach() for name, parameter in model.named_parameters() if name.endswith(".gain")]
    gains = [gain for gain in gains if (gain == 1).all()]
    randomize(model)
    assert len(gains) > 1
    for gain in gains:
        assert gain.min() >= 0.69 and gain.max() <= 1.31, gain.flatten()
        assert gain.numel() == 1 or gain.std() > 0


def test_statistics_of_batch_norms_are_those_of_images_and_the_seed_decides():
    first, second, other = (timm.create_model("test_resnet").eval() for _ in range(3))
    for model in (second, other):
        model.load_state_dict(first.state_dict())
    for model, seed in ((first, 1), (second, 1), (other, 2)):
        randomize(model, seed)
    assert not first.training
    assert torch.equal(first.bn1.running_mean, second.bn1.running_mean)
    assert not torch.equal(first.bn1.running_mean, other.bn1.running_mean)
    assert first.bn1.running_var.std() > 0


def test_a_transformer_tells_pictures_apart_and_keeps_nothing_of_before():
    torch.manual_seed(0)
    pictures = torch.randn(2, 3, 128, 128)
    vit = timm.create_model("test_vit", img_size=128).eval()
    torch.nn.init.zeros_(vit.head.weight)
    levit = timm.create_model("levit_128s", img_size=128).eval()
    for model in (vit, levit):
        with torch.no_grad():
            model(pictures)  # LeViT keeps the biases of its attention
            randomize(model, shape=(1, 3, 128, 128))
            first, second = model(pictures)
            assert (first - second).norm() > 0.05 * first.norm()
            exact = model.double()(pictures.double())[0]  # for which it forgets what it kept
            assert (first - exact).abs().max() < 1e-2 * exact.abs().max()


def test_attention_of_torch_is_not_saturated():
    torch.manual_seed(0)
    attention = torch.nn.MultiheadAttention(64, 4, batch_first=True).eval()
    randomize(torch.nn.Sequential(attention), shape=(1, 3, 8, 8))
    with torch.no_grad():
        tokens = torch.randn(1, 16, 64)
        _, weights = attention(tokens, tokens, tokens)
    assert weights.max() < 0.9


class Chooses(nn.Module):
    """Attention whose logits are so large that its answer is one value or another."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain, self.linear = gain, nn.Linear(64, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.linear(x)
        return (self.gain * (y @ y.transpose(1, 2))).sin() @ y


def test_a_model_that_answers_by_chance_is_told():
    torch.manual_seed(0)
    example = (torch.randn(1, 8, 64),)
    for gain, steady in ((1.0, True), (1e6, False)):
        model = Chooses(gain).eval()
        assert is_steady(model, example) == steady
        assert model.linear.weight.dtype == torch.float32
