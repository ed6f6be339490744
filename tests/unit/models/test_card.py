"""The model card: what later jobs know of a model."""

import pytest

from samples.weights import reference, spec, stored
from zoo.config.records.card import ModelCard
from zoo.errors import ZooError
from zoo.models.architecture import create
from zoo.models.card import describe
from zoo.models.weights import fetch


@pytest.fixture(name="stored")
def stored_file(tmp_path):
    return stored(tmp_path)


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
