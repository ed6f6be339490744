"""Sets of images that look unlike to a model, made so from photographs' statistics."""

import re

import numpy as np
import pytest

from zoo.calibration.look import Pictures, unlike


def images(seed, count=40, gray=False, cast=(0.3, 0.0, -0.3)):
    """Images (3, 12, 12), each with a brightness and a contrast of its own, and a colour cast."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        pixels = random.standard_normal((1 if gray else 3, 12, 12)) * np.exp(0.3 * random.standard_normal())
        pixels = pixels + 0.5 * random.standard_normal()
        if gray:  # as normalized by a mean and a norm for each channel
            pixels = pixels * np.array([1, 1.1, 0.9])[:, None, None]
        made.append((pixels + np.array(cast)[:, None, None]).astype(np.float32))
    return made


OURS = Pictures.of(images(0))


def told(others):
    return unlike(OURS, Pictures.of(others), "the evaluation images")


@pytest.mark.parametrize("seed", range(1, 9))
def test_images_of_one_kind_are_alike(seed):
    assert told(images(seed)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda image: image + 2, "are brighter than the calibration images"),
        (lambda image: image - 2, "are darker than the calibration images"),
        (lambda image: 3 * image, "have more contrast"),
        (lambda image: image / 3, "have less contrast"),
        (
            lambda image: 127.5 + 127.5 * image,
            "times those of the calibration images: .* another mean and norm",
        ),
        (lambda image: image + np.array([[[-3]], [[0]], [[0]]], np.float32), "are darker"),
        (lambda image: image[::-1], "first and third channel swapped: .* RGB or BGR"),
    ],
)
def test_what_is_other_is_named(change, words):
    (sentence,) = told([change(image) for image in images(1)])
    assert "the evaluation images" in sentence
    assert re.search(words, sentence), sentence


def test_gray_images_among_coloured_ones_are_named():
    (sentence,) = told(images(1, gray=True))
    assert sentence == "0 % of the calibration images are gray, and 100 % of the evaluation images"


def test_few_images_and_other_shapes_say_nothing():
    assert told([2 + image for image in images(1, count=7)]) == []
    assert told([image[:1] + 2 for image in images(1)]) == []


def test_a_look_is_that_of_all_pixels():
    given = images(3, count=5)
    look, pixels = Pictures.of(given).look(), np.stack(given)
    np.testing.assert_allclose(look.mean, pixels.mean(axis=(0, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(look.deviation, pixels.std(axis=(0, 2, 3)), rtol=1e-5)
    assert (look.images, look.gray) == (5, 0)


def test_inputs_that_are_no_images_are_one_channel():
    look = Pictures.of([np.arange(4, dtype=np.float32)] * 2).look()
    assert (look.mean, look.gray) == ((1.5,), None)
