"""The list is what the installed libraries have; `python scripts/list_architectures.py` compares it all."""

import torch
from torch import nn

from shards import commit
from zoo.sweep import families
from zoo.sweep.families import found
from zoo.sweep.listed import for_commit, listed


def of(library: str) -> dict[str, str]:
    return {family.name: family.entry for family in listed() if family.library == library}


def test_the_list_has_every_family_of_the_libraries_and_an_entry_point_of_each():
    for library, installed in (
        ("timm", families._timm()),
        ("torchvision", families._torchvision()),
        ("open_clip", families._open_clip()),
    ):
        entries = of(library)
        assert set(entries) == set(installed), library
        assert all(entry in installed[name] for name, entry in entries.items()), library


def test_the_entry_point_is_the_smallest_of_its_family():
    names = {f"timm/{family.name}" for family in for_commit(commit() or "0", 2)} | {"torchvision/mnasnet"}
    again = list(found(names.__contains__))
    assert len(again) == 3
    assert set(again) <= set(listed())


def test_what_a_library_does_not_build_is_not_counted():
    def fails() -> nn.Module:
        raise ImportError("an optional package is not installed")

    def computes() -> nn.Module:
        torch.linspace(0, 1, 3).tolist()  # numbers, which tensors without memory do not have
        return nn.Linear(3, 2)

    assert families._parameters(fails) is None
    assert families._parameters(computes) == 8
