"""The vendor bundle: its configuration says what the record says, its images are the pixels."""

import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml

from samples.artifacts import changed_in_time, photos, proof
from samples.cards import card
from samples.onnx import chain
from zoo.deploy.vendor import IMAGES, mapper, write_vendor_bundle
from zoo.errors import ZooError
from zoo.images.decode import load
from zoo.images.inputs import FILE, Feed, Input
from zoo.images.preprocess import Preprocess

CLIP = Preprocess(
    size=(256, 256),
    mean=(0.48145466, 0.4578275, 0.40821073),
    std=(0.26862954, 0.26130258, 0.27577711),
)


def opset11(folder: Path) -> Path:
    """An ONNX file whose input is called data."""
    path = folder / "opset11.onnx"
    onnx.save(chain(("Relu", None), opset=11), path)
    return path


def numbers(text: str) -> list[float]:
    return [float(word) for word in text.split()]


def test_mean_and_scale_are_those_of_the_record():
    inputs = mapper("clip", CLIP, "data", "float32")["input_parameters"]
    assert numbers(inputs["mean_value"]) == pytest.approx([122.7709, 116.7460, 104.0937], abs=5e-5)
    assert numbers(inputs["scale_value"]) == pytest.approx([0.0145984, 0.0150078, 0.0142201], abs=5e-8)
    assert inputs["norm_type"] == "data_mean_and_scale"
    assert inputs["input_shape"] == "1x3x256x256" and inputs["input_name"] == "data"
    assert (inputs["input_type_rt"], inputs["input_type_train"]) == ("nv12", "rgb")


@pytest.mark.parametrize("channels", ["RGB", "BGR"])
@pytest.mark.parametrize("data_type", ["float32", "uint8"])
def test_the_toolchain_sees_what_the_model_sees(channels, data_type, tmp_path):
    """A calibration file, with the configuration's mean and scale, is the model's input."""
    record = Preprocess(size=(6, 8), mean=CLIP.mean, std=CLIP.std, channels=channels)
    samples, path = photos(tmp_path), opset11(tmp_path)
    write_vendor_bundle(card(record=record), proof(path), path, samples, data_type, tmp_path / "bundle.zip")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        text = archive.read("mapper.yaml").decode()
        configuration = yaml.safe_load(text)
        assert archive.read(configuration["model_parameters"]["onnx_model"]) == path.read_bytes()
        inputs, calibration = (configuration[f"{group}_parameters"] for group in ("input", "calibration"))
        files = [name for name in archive.namelist() if name.startswith(calibration["cal_data_dir"])]
        raw = [np.frombuffer(archive.read(name), calibration["cal_data_type"]) for name in files]
    assert calibration["cal_data_type"] == data_type and inputs["input_type_train"] == channels.lower()
    assert inputs["input_name"] == "data"
    shape = tuple(map(int, inputs["input_shape"].split("x")))
    mean, scale = (np.reshape(numbers(inputs[key]), (3, 1, 1)) for key in ("mean_value", "scale_value"))
    assert len(raw) == len(samples) == 3 and shape == (1, 3, 6, 8)
    for values, (_, (expected,)) in zip(raw, load(samples, Feed.image(record), 1), strict=True):
        np.testing.assert_allclose((values.reshape(shape[1:]) - mean) * scale, expected, atol=1e-5)
    assert "hb_mapper makertbin" in text and configuration["model_parameters"]["march"] == "bayes-e"


def test_the_same_content_gives_the_same_bytes(tmp_path):
    path = opset11(tmp_path)
    for name in ("1.zip", "2.zip"):
        write_vendor_bundle(card(record=CLIP), proof(path), path, photos(tmp_path), "uint8", tmp_path / name)
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


def test_a_file_that_is_not_the_one_verified_is_not_packed(tmp_path):
    path = opset11(tmp_path)
    verified = proof(path)
    changed_in_time(path)
    with pytest.raises(ZooError, match=r"opset11\.onnx is not the file that was verified"):
        write_vendor_bundle(card(record=CLIP), verified, path, [], "uint8", tmp_path / "bundle.zip")
    assert not (tmp_path / "bundle.zip").exists()


@pytest.mark.parametrize(
    ("change", "data_type", "sentence"),
    [
        ({"size": (225, 224)}, "uint8", "an input of 224x225 has an odd edge, which NV12 cannot"),
        ({}, "int8", "calibration data is float32 or uint8, not int8"),
    ],
)
def test_what_the_toolchain_cannot_take_is_refused(change, data_type, sentence):
    with pytest.raises(ZooError, match=sentence):
        mapper("m", Preprocess(**change), "data", data_type)


def test_a_model_of_other_inputs_than_one_image_has_no_bundle(tmp_path):
    for inputs in ((Input("x", (3, 8, 8), FILE),), Feed.image(CLIP).inputs * 2):
        with pytest.raises(ZooError, match="a vendor bundle is for models of one image"):
            write_vendor_bundle(
                card(record=CLIP, inputs=inputs), proof(), opset11(tmp_path), [], "uint8", tmp_path / "x"
            )


def test_a_bundle_holds_a_hundred_images_at_most(tmp_path):
    many = photos(tmp_path, 2) * 60
    small, path = card(record=Preprocess((8, 8))), opset11(tmp_path)
    write_vendor_bundle(small, proof(path), path, many, "uint8", tmp_path / "bundle.zip")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        assert sum(name.startswith("calibration_") for name in archive.namelist()) == IMAGES
