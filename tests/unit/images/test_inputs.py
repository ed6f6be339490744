"""What feeds a model: inputs that make sense, and where their values come from."""

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.images.inputs import FILE, IMAGE, NORMAL, Feed, Input, filled, from_arrays, random_inputs
from zoo.images.preprocess import Preprocess

RECORD = Preprocess((32, 48))
GRAY = Preprocess((32, 48), mean=(0.5,), std=(0.25,), channels="GRAY")
MIXED = Feed(
    RECORD,
    (
        Input("photo", (3, 32, 48)),
        Input("mask", (1, 16, 24), values=1.0),
        Input("vector", (5,), NORMAL, second_shape=(7,)),
    ),
)


# An input


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"shape": None}, r"input x needs a shape, without the batch, such as \[3, 224, 224\]"),
        ({"shape": []}, r"shape must be whole numbers from 1, without the batch, not \[\]"),
        ({"shape": [3, 0, 8]}, r"shape must be whole numbers from 1, .*\[3, 0, 8\]"),
        ({"shape": [3, -1, 8]}, "shape must be whole numbers from 1"),
        ({"shape": [3, 8.0, 8]}, "shape must be whole numbers from 1"),
        ({"shape": [3, True, 8]}, "shape must be whole numbers from 1"),
        ({"shape": [3, "8", 8]}, "shape must be whole numbers from 1"),
        ({"shape": "388"}, "shape must be whole numbers from 1"),
        ({"second_shape": [3, 0, 8]}, "second_shape must be whole numbers from 1"),
        ({"second_shape": [3, 8]}, r"as many dimensions, not \[3, 8, 8\] and \[3, 8\]"),
        ({"values": "noise"}, "values must be image, normal, file or a number, not 'noise'"),
        ({"values": float("nan")}, "values must be finite, not nan"),
        ({"values": float("-inf")}, "values must be finite, not -inf"),
        ({"values": 10**400}, "values must be finite, not 1000"),
        ({"values": None}, "input x: "),
        ({"shape": [8, 8]}, r"an image has the shape \[channels, height, width\], not \[8, 8\]"),
        ({"size": [8, 8]}, "input x: .*size"),
    ],
)
def test_an_input_that_makes_no_sense_is_refused_by_name(values, said):
    with pytest.raises(ZooError, match=said) as error:
        Input.from_dict({"name": "x", "shape": [3, 8, 8]} | values)
    assert str(error.value).startswith("input x")


def test_an_input_without_a_name_or_a_shape_is_refused():
    for values in ({"shape": [3, 8, 8]}, {"name": "x"}):
        with pytest.raises(ZooError, match=r"^input .*missing"):
            Input.from_dict(values)


@pytest.mark.parametrize("each", MIXED.inputs, ids=lambda each: each.name)
def test_an_input_survives_json(each):
    assert Input.from_dict(json.loads(json.dumps(each.to_dict()))) == each
    assert set(each.to_dict()) == {field.name for field in fields(Input)}


def test_only_images_must_have_three_dimensions():
    for values in (NORMAL, FILE, 0, 0.5):
        assert Input("x", (7,), values).shape == (7,)
    assert Input("x", [1, 2, 3, 4, 5], NORMAL).shape == (1, 2, 3, 4, 5)


# A feed


def test_the_usual_feed_is_one_image_of_the_records_size_and_channels():
    assert Feed.image(RECORD).inputs == (Input("data", (3, 32, 48), IMAGE),)
    assert Feed.image(GRAY).shapes == ((1, 32, 48),)
    feed = Feed.image(RECORD, "x", second_size=[64, 40])
    assert feed.inputs == (Input("x", (3, 32, 48), IMAGE, (3, 64, 40)),)


@pytest.mark.parametrize(("record", "channels"), [(RECORD, 1), (RECORD, 4), (GRAY, 3)])
def test_an_image_of_other_channels_than_the_record_is_refused(record, channels):
    message = f"input y takes {channels} channels, and preprocessing gives {len(record.mean)} "
    with pytest.raises(ZooError, match=rf"{message}\({record.channels}\); set preprocess: .* \.npz files"):
        Feed(record, (Input("x", (len(record.mean), 8, 8)), Input("y", (channels, 8, 8))))
    Feed(record, (Input("y", (channels, 8, 8), FILE),))


def test_the_second_feed_has_the_second_shapes_where_there_are_any():
    assert MIXED.dynamic and MIXED.shapes == ((3, 32, 48), (1, 16, 24), (5,))
    second = MIXED.second()
    assert second.shapes == ((3, 32, 48), (1, 16, 24), (7,))
    assert second.record == RECORD and [each.values for each in second.inputs] == [IMAGE, 1.0, NORMAL]
    assert not second.dynamic and second.second() is None
    assert Feed.image(RECORD).second() is None


# Values that no image gives


def test_a_normal_input_is_drawn_by_the_samples_name_and_its_own():
    each = Input("x", (40, 50), NORMAL)
    values = filled(each, "a.png")
    assert values.shape == (40, 50) and values.dtype == np.float32
    assert values.mean() == pytest.approx(0, abs=0.1) and values.std() == pytest.approx(1, abs=0.05)
    np.testing.assert_array_equal(values, filled(each, "a.png"))
    others = filled(each, "b.png"), filled(Input("y", (40, 50), NORMAL), "a.png")
    for other in others:
        assert abs(np.corrcoef(values.ravel(), other.ravel())[0, 1]) < 0.1
    assert np.isfinite(filled(each, "\udcff.png")).all(), "a file name need not be valid text"


def test_a_drawn_input_is_the_same_in_every_process():
    code = (
        "from zoo.images.inputs import Input, filled\n"
        "print(*filled(Input('x', (5,), 'normal'), 'sub/ü.png').view('uint32'))"
    )
    command = [sys.executable, "-X", "utf8", "-c", code]
    printed = subprocess.run(
        command, cwd=Path(__file__).parents[3] / "scripts", capture_output=True, text=True, check=True
    ).stdout
    expected = filled(Input("x", (5,), NORMAL), "sub/ü.png").view(np.uint32)
    assert [int(each) for each in printed.split()] == expected.tolist()


@pytest.mark.parametrize("number", [0, 1.5, -3])
def test_a_number_fills_its_input(number):
    values = filled(Input("x", (2, 3), number), "a.png")
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, np.full((2, 3), number))


def test_values_from_a_file_need_one():
    with pytest.raises(
        ZooError, match=r"a\.png: the input x takes its values from a file, .* give \.npz files"
    ):
        filled(Input("x", (2, 3), FILE), "a.png")


# Values from arrays


def arrays(**changes):
    usual = {
        "vector": np.arange(5),
        "mask": np.ones((1, 16, 24), np.float64),
        "photo": np.arange(3 * 32 * 48, dtype=np.float32).reshape(48, 32, 3).T,
        "unused": np.array(["text"]),
    }
    return {key: value for key, value in (usual | changes).items() if value is not None}


def test_arrays_go_to_the_inputs_of_their_names():
    found = from_arrays(MIXED, arrays(), "a.npz")
    assert [each.shape for each in found] == [(3, 32, 48), (1, 16, 24), (5,)]
    assert all(each.dtype == np.float32 and each.flags.c_contiguous for each in found)
    for name, each in zip(("photo", "mask", "vector"), found, strict=True):
        np.testing.assert_array_equal(each, arrays()[name])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mask": None}, "has no array mask; it has: vector, photo, unused"),
        ({"vector": np.zeros(6)}, r"vector has the shape \[6\], and the model takes \[5\]"),
        ({"vector": np.zeros((1, 5))}, r"vector has the shape \[1, 5\], and the model takes \[5\]"),
        ({"photo": np.zeros((32, 48, 3))}, r"photo has the shape \[32, 48, 3\]"),
        ({"vector": np.float32([0, 1, np.nan, 3, 4])}, "vector holds NaN or infinity"),
        ({"vector": np.float64([0, 1, 2, 3, 1e300])}, "vector holds NaN or infinity"),
        ({"vector": np.array(list("abcde"))}, "vector holds <U1, and must hold numbers"),
        ({"vector": np.zeros(5, complex)}, "vector holds complex128, and must hold numbers"),
        ({"vector": np.float32(0)}, r"vector has the shape \[\], and the model takes \[5\]"),
    ],
)
def test_arrays_that_the_model_does_not_take_are_named_with_their_sample(changes, said):
    with pytest.raises(ZooError, match=rf"^sub/a\.npz: {said}"):
        from_arrays(MIXED, arrays(**changes), "sub/a.npz")


def test_a_single_number_does_not_stand_for_a_vector_of_one():
    feed = Feed(RECORD, (Input("x", (1,), FILE),))
    with pytest.raises(ZooError, match=r"x has the shape \[\], and the model takes \[1\]"):
        from_arrays(feed, {"x": np.float32(3)}, "a.npz")


def test_arrays_of_a_file_have_no_second_shape():
    with pytest.raises(ZooError, match=r"input x: a file of arrays has one shape"):
        Input("x", (3, 8, 8), "file", (3, 16, 16))


def test_what_is_timed_is_run_on_the_same_noise_each_time():
    shapes = [(3, 40, 40), (100,)]
    found, again = random_inputs(shapes), random_inputs(shapes)
    assert [each.shape for each in found] == shapes and all(each.dtype == np.float32 for each in found)
    assert all((one == other).all() for one, other in zip(found, again, strict=True))
    assert found[0].std() == pytest.approx(1, abs=0.1)
    assert abs(np.corrcoef(found[0].ravel()[:100], found[1])[0, 1]) < 0.3
