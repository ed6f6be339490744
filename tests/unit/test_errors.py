"""What is refused is named, with what would be taken."""

import pytest

from zoo.errors import ArtifactError, ZooError, refuse_unknown


def test_keys_that_are_known_pass():
    refuse_unknown("models: one", {"size": 1}, ("size", "mean"))
    refuse_unknown("models: one", {}, ())


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        (("size", "mean"), "models: one: unknown crop, seed; it takes size, mean"),
        ((), "models: one: unknown crop, seed; it takes no other key"),
    ],
)
def test_keys_that_are_not_are_named_in_order_with_those_that_are(known, sentence):
    with pytest.raises(ZooError) as caught:
        refuse_unknown("models: one", {"seed": 1, "crop": 2}, known)
    assert str(caught.value) == sentence


def test_a_broken_artifact_is_an_error_that_a_user_can_mend():
    assert issubclass(ArtifactError, ZooError)
