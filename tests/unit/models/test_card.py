"""The model card: what later jobs know of a model."""

import pytest
import torch
from torch import nn

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


class Head(nn.Module):
    """A model whose output is its image's first numbers, through `end`."""

    def __init__(self, numbers: int, end: nn.Module) -> None:
        super().__init__()
        self.numbers, self.end = numbers, end

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.end(image.flatten(1)[:, : self.numbers])


def described(numbers: int, end: nn.Module, **entry: object) -> ModelCard:
    return describe(spec(preprocess={"size": [8, 8]}, **entry), Head(numbers, end), {}, "0" * 64)


def test_what_the_numbers_of_a_classifier_are_stands_in_the_card():
    for end, output in (
        (nn.Softmax(1), "probabilities"),
        (nn.Sigmoid(), "sigmoid"),
        (nn.Identity(), "logits"),
    ):
        card = described(4, end)
        assert (card.task, card.output) == ("classification", output)
        assert ModelCard.from_dict(card.to_dict()) == card
    assert described(4, nn.Softmax(1)).output_by == "its graph, which ends in softmax"


def test_the_configuration_has_the_last_word_unless_the_answers_deny_it():
    told = described(4, nn.Sigmoid(), output="probabilities")
    assert (told.output, told.output_by) == ("probabilities", "config.yaml")
    with pytest.raises(ZooError, match=r"^tiny: output: sigmoid lies between 0 and 1, .* gave values from -"):
        described(4, nn.Identity(), output="sigmoid")
    with pytest.raises(ZooError, match=r"^tiny: output is for task: classification"):
        described(4, nn.Sigmoid(), output="sigmoid", task="other")


def test_logits_of_labels_are_told_by_the_user_alone():
    told = described(4, nn.Identity(), output="multilabel")
    assert (told.output, told.output_by) == ("multilabel", "config.yaml")
    with pytest.raises(
        ZooError, match=r"gives scores already, by its graph, .* sigmoid; say output: sigmoid"
    ):
        described(4, nn.Sigmoid(), output="multilabel")


def test_a_single_number_is_no_classifiers_unless_told():
    card = described(1, nn.Sigmoid())
    assert (card.task, card.output, card.num_classes) == ("other", None, None)
    told = described(1, nn.Sigmoid(), task="classification")
    assert (told.output, told.num_classes) == ("sigmoid", 1)
    with pytest.raises(ZooError, match="a single number tells no classes apart; say task: other"):
        described(1, nn.Identity(), task="classification")


def test_features_are_no_classes():
    features = spec(args={"num_classes": 0}, preprocess={"size": [32, 32]})
    assert describe(features, create(features), {}, "0" * 64).task == "other"


def test_an_output_that_begins_with_time_keeps_it():
    class TimeFirst(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image.flatten(2).permute(2, 0, 1)  # (64, 1, 3)

    card = describe(spec(preprocess={"size": [8, 8]}), TimeFirst(), {}, "0" * 64)
    assert card.outputs[0].shape == (64, 1, 3) and card.task == "other"
