"""torch's attention with the batch in front."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from samples.few_dimensions import check_in_ncnn
from zoo.export.rewrites.batch_first import BatchFirst, batch_first

GENERATOR = torch.Generator().manual_seed(0)


class Encoder(nn.Module):
    """Tokens of an image, and a head that is given their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 24, 4, 4), nn.Linear(24, 5)
        self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(24, 4, 48), 2)

    def forward(self, x):
        return self.head(self.layers(self.stem(x).flatten(2).permute(2, 0, 1)).mean(0))


class Queries(nn.Module):
    """A few queries, which look at the tokens of an image."""

    def __init__(self, count: int = 3) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 24, 4, 4), nn.Linear(24, 5)
        self.queries, self.attention = nn.Parameter(torch.randn(count, 1, 24)), nn.MultiheadAttention(24, 4)

    def forward(self, x):
        tokens = self.stem(x).flatten(2).permute(2, 0, 1)
        return self.head(self.attention(self.queries, tokens, value=tokens)[0]).mean(0)


class Decoder(Queries):
    """The same by a decoder of torch."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.TransformerDecoder(nn.TransformerDecoderLayer(24, 4, 48), 1)

    def forward(self, x):
        tokens = self.stem(x).flatten(2).permute(2, 0, 1)
        return self.head(self.attention(self.queries, memory=tokens)).mean(0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("build", [Encoder, Queries, lambda: Queries(1), Decoder])
def test_it_is_right_in_ncnn(tmp_path, build):
    torch.manual_seed(0)
    model, image = build().eval(), torch.randn(1, 3, 28, 28, generator=GENERATOR)
    with torch.no_grad():
        expected = deepcopy(model)(image)
        assert batch_first(model, (image,)) == 1
        torch.testing.assert_close(model(image), expected)
    check_in_ncnn(model, image, tmp_path)


@pytest.mark.parametrize(("batch", "tokens"), [(1, 1), (2, 7)])
@torch.no_grad()
def test_sequences_are_swapped_and_masks_are_not(batch, tokens):
    torch.manual_seed(0)
    model = nn.Sequential(nn.MultiheadAttention(24, 4).eval())
    query, key = (torch.randn(each, batch, 24, generator=GENERATOR) for each in (tokens, 5))
    hidden = torch.zeros(batch, 5, dtype=torch.bool)
    hidden[:, 3:] = True
    masks = {"key_padding_mask": hidden, "attn_mask": torch.zeros(4 * batch, tokens, 5)}
    expected = model[0](query, key, key, **masks)
    alone = model[0](query[:, 0], key[:, 0], key[:, 0])
    assert batch_first(model, (query,)) == 1
    assert isinstance(model[0], BatchFirst) and not model[0].batch_first and model[0].num_heads == 4
    torch.testing.assert_close(model[0](query, key, key, **masks), expected)
    torch.testing.assert_close(model[0](query[:, 0], key[:, 0], value=key[:, 0]), alone)


class Own(nn.TransformerEncoderLayer):
    """Of which nobody knows what it does with the order."""


def test_what_has_the_batch_first_or_is_no_module_of_torch_is_left_alone():
    layer = nn.TransformerEncoderLayer(24, 4, 48, batch_first=True)
    own = Own(24, 4, 48)
    for model in (layer, nn.Sequential(layer), nn.Sequential(nn.Linear(2, 2))):
        assert batch_first(model, ()) == 0
    model = nn.Sequential(own)
    assert batch_first(model, ()) == 1 and type(model[0]) is Own and isinstance(own.self_attn, BatchFirst)
