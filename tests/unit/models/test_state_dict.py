"""State dicts: saved, loaded, and compared with the model that they are meant for."""

import pytest
import torch
from torch import nn

from samples.weights import changed, from_file, reference, renamed, same, spec, stored
from zoo.errors import ZooError
from zoo.models.state_dict import differences, in_order, listed, load, other_classes, save
from zoo.models.weights import fetch


@pytest.fixture(name="stored")
def stored_file(tmp_path):
    return stored(tmp_path)


def test_saved_weights_load_bit_for_bit_and_save_to_the_same_bytes(tmp_path):
    model, _ = fetch(spec("test_convnext"))
    save(model, tmp_path / "a.safetensors")
    loaded = load(spec("test_convnext"), tmp_path / "a.safetensors")
    save(loaded, tmp_path / "b.safetensors")
    assert same(model, loaded) and not loaded.training
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_weights_of_another_model_are_not_loaded(stored):
    with pytest.raises(ZooError, match=r"^tiny: .* does not fit timm's test_convnext: \d+ missing"):
        load(spec("test_convnext"), stored)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("fc.weight"), r"1 missing \(fc\.weight\)"),
        (lambda s: s.update(extra=torch.zeros(2)), r"1 unexpected \(extra\)"),
        (lambda s: s.update({"fc.bias": torch.zeros(7)}), r"fc\.bias is 7 and must be 1000"),
        (lambda s: s["fc.bias"].fill_(float("nan")), r"NaN or infinity: 1 tensors \(fc\.bias\)"),
        (lambda s: s["fc.bias"].fill_(float("inf")), r"NaN or infinity: 1 tensors \(fc\.bias\)"),
    ],
)
def test_tensors_that_do_not_fit_are_named(tmp_path, change, said):
    with pytest.raises(ZooError, match=said) as error:
        fetch(changed(tmp_path, change))
    assert str(error.value).startswith("tiny: changed.pth ")


def test_another_number_of_classes_is_explained(stored):
    wanted = spec(weights={"file": str(stored)}, args={"num_classes": 10})
    with pytest.raises(ZooError, match=r"it has 1000 classes and the model 10 \(num_classes\)"):
        fetch(wanted)


def test_foreign_names_are_matched_in_order_when_asked(tmp_path):
    torch.save(renamed(reference().state_dict()), tmp_path / "foreign.pth")
    model, source = fetch(from_file(tmp_path / "foreign.pth", keys="order"))
    assert same(model, reference()) and source["matched"] == "in order"
    with pytest.raises(ZooError, match="missing"):
        fetch(from_file(tmp_path / "foreign.pth"))


def test_the_first_tensor_out_of_order_is_named(tmp_path):
    state = list(renamed(reference().state_dict()).items())
    swapped = [state[1], state[0], *state[2:]]
    torch.save(dict(swapped), tmp_path / "foreign.pth")
    with pytest.raises(ZooError, match=r"net\.layer1\.weight \(\d+\) meets conv1\.0\.weight \(.*\) first"):
        fetch(from_file(tmp_path / "foreign.pth", keys="order"))
    torch.save(dict(state[:-1]), tmp_path / "foreign.pth")
    with pytest.raises(ZooError, match=r"nor in order: there are \d+ tensors for \d+"):
        fetch(from_file(tmp_path / "foreign.pth", keys="order"))


def test_tensors_of_another_role_do_not_match_by_shape_alone(tmp_path):
    state = list(renamed(reference().state_dict()).items())
    bias, mean = (
        next(i for i, (name, _) in enumerate(state) if name.endswith(end)) for end in ("bias", "running_mean")
    )
    state[bias], state[mean] = state[mean], state[bias]
    torch.save(dict(state), tmp_path / "foreign.pth")
    with pytest.raises(ZooError, match=r"running_mean .* meets .*bias"):
        fetch(from_file(tmp_path / "foreign.pth", keys="order"))


def linear(classes=3):
    return nn.Sequential(nn.Linear(2, 2), nn.Linear(2, classes))


def test_what_keeps_tensors_from_fitting_is_half_a_sentence():
    tensors = dict(linear().state_dict())
    assert differences(linear(), tensors) == ""
    tensors |= {"1.weight": torch.zeros(3, 5), "new": torch.zeros(())}
    del tensors["0.bias"]
    said = differences(linear(), tensors)
    assert (
        said == "1 missing (0.bias); 1 unexpected (new); 1 of another shape (1.weight is 3x5 and must be 3x2)"
    )


def test_another_number_of_classes_is_told_apart_from_other_differences():
    assert other_classes(linear(3), linear(7).state_dict()) == 7
    foreign = {f"net.{name}": tensor for name, tensor in linear(7).state_dict().items()}
    assert other_classes(linear(3), foreign) == 7, "whatever the names"
    assert other_classes(linear(3), linear(3).state_dict()) is None
    assert other_classes(linear(3), {**linear(7).state_dict(), "more": torch.zeros(1)}) is None
    wider = {**linear(7).state_dict(), "1.weight": torch.zeros(7, 5)}
    assert other_classes(linear(3), wider) is None


def test_names_in_a_list_are_cut_after_three():
    assert listed("missing", []) == ""
    assert listed("missing", list("abcde")) == "5 missing (a, b, c, … and 2 more)"


def test_whole_numbers_are_no_float_weights():
    """torch would copy them without a word, as a quantized file's are read without their scales."""
    model = nn.BatchNorm1d(2)
    tensors = {**model.state_dict(), "weight": torch.ones(2, dtype=torch.int8)}
    assert differences(model, tensors) == "1 of another type (weight is int8 and must be float32)"
    with pytest.raises(ZooError, match="weight is int8 and weight must be float32"):
        in_order(model, tensors)
    assert not differences(model, {**model.state_dict(), "num_batches_tracked": torch.tensor(3.0)})
    assert not differences(model, {**model.state_dict(), "weight": torch.ones(2, dtype=torch.bfloat16)})
