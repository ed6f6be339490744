"""What a training runs on."""

import pytest
import torch

from samples.training import spec, write_bars
from zoo.training.machine import Machine
from zoo.training.train import train

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of forty pictures, of which eight each are held out."""
    return write_bars(tmp_path_factory.mktemp("bars"))


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_mixed_precision_learns_too(folder, monkeypatch, half):
    """As on a GPU, but with the CPU's own autocast: the weights stay float32."""
    monkeypatch.setattr(Machine, "half", property(lambda machine: half))
    model, source = train(spec(folder), folder)
    assert source["held_out_top1"] >= 0.9
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_on_a_cpu_kernels_are_deterministic_and_all_is_as_before_behind_the_block():
    threads = torch.get_num_threads()
    with pytest.raises(KeyError), Machine(threads + 1).deterministic():
        assert torch.get_num_threads() == threads + 1 and torch.are_deterministic_algorithms_enabled()
        raise KeyError
    assert torch.get_num_threads() == threads and not torch.are_deterministic_algorithms_enabled()
    with Machine(1, "cuda").deterministic():
        assert not torch.are_deterministic_algorithms_enabled()


def test_a_cpu_computes_in_float32_and_keeps_half_of_its_threads_to_decode():
    machine = Machine(5)
    assert machine.half is None and machine.workers == 2 and not machine.pins_memory
    with machine.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
    assert Machine(5, "cuda").workers == 5 and Machine(5, "cuda").pins_memory


def test_this_machine_is_found():
    assert Machine.here(3) == Machine(3, "cuda" if torch.cuda.is_available() else "cpu")
