"""Conversion by pnnx: what it gives, and every way in which it fails, told from what it wrote."""

import importlib.util
import subprocess
import sys
import warnings
from pathlib import Path

import ncnn
import numpy as np
import pytest
import torch
from torch import nn

import zoo.export.pnnx
from zoo.errors import ZooError
from zoo.export.pnnx import Places, check_chunks, check_operators, run_pnnx
from zoo.export.torchscript import export_torchscript
from zoo.jobs.isolation import ChildDied
from zoo.runners.ncnn_runner import NcnnRunner

IMAGE = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))

PARAM = """7767517
3 3
Input                    in0      0 1 in0
Convolution              conv_0   1 1 in0 1 0=8 1=3 6=216
{last}
"""


def network(*layers: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), *layers).eval()


class Uneven(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat(x.chunk(3, dim=1)[::-1], dim=1)


class Addcmul(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.addcmul(x, x, x)


@pytest.fixture
def traced(tmp_path: Path):
    def trace(model: nn.Module, example: torch.Tensor | tuple[torch.Tensor, ...] = IMAGE) -> Path:
        export_torchscript(model, example, tmp_path / "torchscript.pt")
        return tmp_path / "torchscript.pt"

    return trace


def instead_of_pnnx(commands: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a shell script run in its place."""
    script = folder / "pnnx"
    script.write_text(f"#!/bin/sh\n{commands}\n")
    script.chmod(0o755)
    monkeypatch.setattr(zoo.export.pnnx, "program", lambda: script)


def refused(torchscript: Path, match: str, shape: tuple[int, ...] = (1, 3, 16, 16)) -> None:
    """Assert that the conversion fails with these words, and leaves what was there before."""
    out = torchscript.parent / "out"
    out.mkdir()
    (out / "fp32.param").write_text("before")
    with pytest.raises(ZooError, match=match):
        run_pnnx(torchscript, [shape], out / "fp32.param", out / "fp32.bin")
    assert [path.name for path in out.iterdir()] == ["fp32.param"]
    assert (out / "fp32.param").read_text() == "before"


@torch.no_grad()
def test_the_ncnn_pair_computes_what_the_model_does(traced, tmp_path):
    model = network(nn.Flatten(), nn.Linear(8 * 14 * 14, 5))
    log = run_pnnx(traced(model), [IMAGE.shape], tmp_path / "fp32.param", tmp_path / "fp32.bin")
    assert "pass_ncnn" in log
    net = ncnn.Net()
    for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(net.opt, option, False)
    assert net.load_param(str(tmp_path / "fp32.param")) == 0
    assert net.load_model(str(tmp_path / "fp32.bin")) == 0
    extractor = net.create_extractor()
    extractor.input("in0", ncnn.Mat(IMAGE[0].numpy()).clone())
    code, output = extractor.extract("out0")
    assert code == 0
    np.testing.assert_allclose(np.array(output), model(IMAGE)[0].numpy(), atol=1e-5)


def test_weights_stay_fp32_and_no_other_file_is_left(traced, tmp_path):
    source = traced(nn.Sequential(nn.Conv2d(3, 8, 3)))
    out = tmp_path / "out"
    run_pnnx(source, [IMAGE.shape], out / "fp32.param", out / "fp32.bin")
    assert sorted(path.name for path in out.iterdir()) == ["fp32.bin", "fp32.param"]
    assert (out / "fp32.bin").stat().st_size == 4 * (1 + 3 * 8 * 9 + 8)  # one tag
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [source.name]


def test_paths_may_be_relative(traced, tmp_path, monkeypatch):
    traced(network())
    monkeypatch.chdir(tmp_path)
    run_pnnx("torchscript.pt", [(1, 3, 16, 16)], "fp32.param", "fp32.bin")
    assert (tmp_path / "fp32.bin").is_file()


def test_the_same_file_gives_the_same_bytes_wherever_it_lies(traced, tmp_path):
    source = traced(network(nn.Flatten(), nn.Linear(8 * 14 * 14, 5)))
    other = tmp_path / "a place = [1,2]" / "x.pt"
    other.parent.mkdir()
    other.write_bytes(source.read_bytes())
    pairs = []
    for path in (source, other):
        pair = path.parent / "fp32.param", path.parent / "fp32.bin"
        run_pnnx(path, [IMAGE.shape], *pair)
        pairs.append([file.read_bytes() for file in pair])
    assert pairs[0] == pairs[1]


def test_an_operator_that_pnnx_cannot_convert_is_named(traced):
    refused(traced(network(Addcmul(), Addcmul())), r"torchscript\.pt.*aten::addcmul \(2\).*rewrite")


def test_an_uneven_chunk_is_named(traced):
    refused(traced(network(Uneven())), "splits 8 channels into 3 uneven parts")


class Both(nn.Module):
    """An image and a vector in; a map, and scores that see both, out."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.side, self.head = nn.Conv2d(3, 8, 3, 2), nn.Linear(5, 4), nn.Linear(8, 4)

    def forward(self, image: torch.Tensor, vector: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.stem(image)
        return found.relu(), self.head(found.mean(dim=(2, 3))) + self.side(vector)


def inputs(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(height)
    return torch.randn(1, 3, height, width, generator=generator), torch.randn(1, 5, generator=generator)


def shapes(tensors: tuple[torch.Tensor, ...]) -> list[tuple[int, ...]]:
    return [tuple(each.shape) for each in tensors]


@torch.no_grad()
def agree(pair: tuple[Path, Path], model: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
    """Assert that ncnn computes all that torch does."""
    found = NcnnRunner(*pair, "cpu", 1, precision="fp32").run(tuple(each[0].numpy() for each in given))
    expected = model(*given)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other[0].numpy(), atol=1e-5)


def test_two_inputs_and_outputs_compute_what_the_model_does(traced, tmp_path):
    torch.manual_seed(0)
    model, pair = Both().eval(), (tmp_path / "fp32.param", tmp_path / "fp32.bin")
    run_pnnx(traced(model, inputs(17, 19)), shapes(inputs(17, 19)), *pair, outputs=2)
    agree(pair, model, inputs(17, 19))


@torch.no_grad()
@pytest.mark.filterwarnings("ignore")
def test_a_bound_that_is_infinite_is_none(tmp_path):
    class Bounded(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.clamp(torch.clamp(x, float("-inf"), 0.5), -0.5, float("inf"))

    image = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    files = tmp_path / "a.param", tmp_path / "a.bin"
    torch.onnx.export(Bounded(), image, tmp_path / "a.onnx", dynamo=False, input_names=["in0"])
    run_pnnx(tmp_path / "a.onnx", [image.shape], *files)
    (found,) = NcnnRunner(*files, "cpu", 1, "fp32").run((image[0].numpy(),))
    np.testing.assert_array_equal(found, image[0].clamp(-0.5, 0.5).numpy())


def test_a_second_shape_makes_the_size_dynamic(traced, tmp_path):
    torch.manual_seed(0)
    model, pair = Both().eval(), (tmp_path / "fp32.param", tmp_path / "fp32.bin")
    first, second = inputs(17, 19), inputs(32, 24)
    run_pnnx(traced(model, first), shapes(first), *pair, shapes(second), outputs=2)
    for given in (first, second, inputs(9, 40)):
        agree(pair, model, given)


def test_an_input_that_the_model_does_not_use_stays(traced, tmp_path):
    class First(nn.Module):
        def forward(self, image: torch.Tensor, vector: torch.Tensor) -> tuple[torch.Tensor]:
            return (image.relu(),)

    pair = tmp_path / "fp32.param", tmp_path / "fp32.bin"
    run_pnnx(traced(First(), inputs(16, 16)), shapes(inputs(16, 16)), *pair)
    agree(pair, First(), inputs(16, 16))


def test_more_outputs_than_there_should_be_are_refused(tmp_path):
    class Two(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x.relu(), x.sigmoid()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.trace(Two(), IMAGE).save(tmp_path / "two.pt")
    refused(tmp_path / "two.pt", r"outputs \['out0', 'out1'\], and should have 1 and 1")


def test_a_truncated_file_is_one_clear_error(traced, tmp_path):
    source = traced(network())
    (tmp_path / "cut").mkdir()
    cut = tmp_path / "cut" / "torchscript.pt"
    cut.write_bytes(source.read_bytes()[:-100])
    refused(cut, r"cut/torchscript\.pt: pnnx failed, Load torchscript failed.*export the model again")


def test_a_missing_file_is_one_clear_error(tmp_path):
    refused(tmp_path / "none.pt", r"none\.pt: pnnx failed, open failed")


def test_another_input_shape_than_the_traced_one_is_refused(traced):
    refused(traced(network()), r"pnnx failed.*expect \[1,3,16,16\]", shape=(1, 4, 16, 16))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("KILL", r"pnnx was killed \(SIGKILL: .* run again$"),
        ("SEGV", r"pnnx crashed \(SIGSEGV\) while running it: it used memory that is not its own$"),
        ("TERM", r"pnnx was killed \(SIGTERM\) while running it; run again$"),
    ],
)
def test_a_pnnx_that_ends_by_a_signal_is_reported(traced, monkeypatch, tmp_path, name, said):
    instead_of_pnnx(f'touch "${{1%.pt}}.foldable_constants.zip"\nkill -{name} $$', tmp_path, monkeypatch)
    source = traced(network())
    refused(source, rf"torchscript\.pt: {said}")
    assert not list(source.parent.glob("*constants*"))


@pytest.mark.parametrize(
    ("unlimited", "kind", "said"),
    [
        (
            True,
            ZooError,
            r"torchscript\.pt: pnnx asks for more than 16384 MB of memory, the limit for a file",
        ),
        (False, ChildDied, r"pnnx was refused memory while running it; free some, or raise its limit"),
    ],
)
def test_a_pnnx_that_meets_our_limit_on_memory_meets_it_everywhere(
    traced, monkeypatch, tmp_path, unlimited, kind, said
):
    """So that another way is tried, which is not where the machine or its user has less."""
    instead_of_pnnx("echo std::bad_alloc\nkill -ABRT $$", tmp_path, monkeypatch)
    monkeypatch.setattr(zoo.export.pnnx, "is_unlimited", lambda: unlimited)
    with pytest.raises(ZooError, match=said) as raised:
        run_pnnx(traced(network()), [(1, 3, 16, 16)], tmp_path / "x.param", tmp_path / "x.bin")
    assert type(raised.value) is kind


def test_a_pnnx_that_does_not_end_is_ended(traced, monkeypatch, tmp_path):
    instead_of_pnnx("while :; do :; done", tmp_path, monkeypatch)
    monkeypatch.setattr(zoo.export.pnnx, "EXPORT_SECONDS", 0.5)
    refused(traced(network()), r"pnnx did not end within 0.5 s, the limit; does the model loop\?")


def test_pnnx_writes_beside_what_it_makes_only(traced, monkeypatch, tmp_path):
    instead_of_pnnx(f'touch beside && touch "{tmp_path}/elsewhere"; exit 3', tmp_path, monkeypatch)
    refused(traced(network()), r"pnnx failed, .*elsewhere.*Permission denied")
    assert not (tmp_path / "elsewhere").exists()


def test_a_missing_pnnx_is_reported(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ZooError, match="pip install pnnx"):
        zoo.export.pnnx.program()


@pytest.mark.parametrize(
    ("last", "match"),
    [
        ("Tensor.reshape  reshape_0  1 1 1 out0", r"Tensor\.reshape \(1\)"),
        ("pnnx.Expression expr_0     1 1 1 out0", r"pnnx\.Expression \(1\)"),
        ("prim::Constant  const_0    1 1 1 out0", r"prim::Constant \(1\)"),
        ("ReLU            relu_0     1 1 1 2", r"outputs \[\]"),
        ("Input           in1        0 1 in1", r"inputs \['in0', 'in1'\]"),
    ],
)
def test_a_param_that_ncnn_cannot_use_is_refused(last, match):
    check_operators(PARAM.format(last="ReLU relu_0 1 1 1 out0"), "model.pt")
    with pytest.raises(ZooError, match=rf"model\.pt.*{match}"):
        check_operators(PARAM.format(last=last), "model.pt")


def test_the_modules_before_a_foreign_operator_are_named():
    """As pnnx names them in its own file; other operators have no name of the user's."""
    debug = """7767517
4 4
pnnx.Input               pnnx_input_0            0 1 0 #0=(1,3,8,8)f32
nn.Conv2d                stages.0.conv           1 1 0 1 bias=True
Tensor.permute           Tensor.permute_2        1 1 1 2 dims=(0,2,3,1)
torch.roll               torch.roll_3            1 1 2 3 dims=(1,2)
"""
    param = PARAM.format(last="torch.roll torch.roll_3 1 1 1 out0")
    with pytest.raises(ZooError, match=r"does not have: torch\.roll \(1\), behind stages\.0\.conv; "):
        check_operators(param, "model.pt", places=Places.of(debug))


def test_all_inputs_and_outputs_must_be_there():
    lines = "Input in1 0 1 in1\nBinaryOp add 2 1 1 in1 out0\nReLU relu 1 1 in0 out1"
    check_operators(PARAM.format(last=lines), "model.pt", 2, 2)
    for count in ((1, 2), (2, 1), (3, 2), (2, 3)):
        said = "and should have {} and {}; does the model use all of its inputs".format(*count)
        with pytest.raises(ZooError, match=said):
            check_operators(PARAM.format(last=lines), "model.pt", *count)


@pytest.mark.parametrize(("channels", "dim", "refused"), [(90, 1, False), (88, 1, True), (88, -3, True)])
def test_a_chunk_must_be_even(channels, dim, refused):
    blobs = f"$input=5 #5=(1,{channels},16,16)f32 #6=(1,30,16,16)f32"
    line = f"torch.chunk torch.chunk_0 1 3 5 6 7 8 chunks=3 dim={dim} {blobs}"
    if refused:
        with pytest.raises(ZooError, match="chunk_0"):
            check_chunks(line, "model.pt")
    else:
        check_chunks(line, "model.pt")


def test_the_module_does_not_import_torch():
    code = f"import sys; sys.path.insert(0, {str(Path(zoo.export.pnnx.__file__).parents[2])!r}); "
    code += "import zoo.export.pnnx; "
    code += "zoo.export.pnnx.program(); print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
