"""One record, many consumers: timm's transform, our arrays and ncnn's own pixels agree."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import ncnn
import numpy as np
import pytest
import timm
from PIL import Image
from timm.data import create_transform, resolve_data_config

from zoo.errors import ZooError
from zoo.images.preprocess import (
    CHANNELS,
    CROP_MODES,
    INTERPOLATIONS,
    Preprocess,
    from_timm_config,
    mean_norm,
    prepare,
    prepare_uint8,
    timm_config,
)

CLIP = Preprocess(mean=(0.48145466, 0.4578275, 0.40821073), std=(0.26862954, 0.26130258, 0.27577711))
HALF = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
RECORDS = [
    Preprocess(size, crop_pct, crop_mode, interpolation)
    for size in ((32, 32), (48, 37), (96, 160))
    for crop_pct in (1.0, 0.95, 0.875, 0.45)
    for crop_mode in CROP_MODES
    for interpolation in ("bicubic", "bilinear")
]
RECORDS += [Preprocess((33, 33), interpolation=name) for name in INTERPOLATIONS]
SIZES = [(64, 64), (100, 75), (75, 100), (31, 97), (32, 32), (37, 36), (11, 9), (161, 40)]


def photo(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_prepare_is_timms_transform_bit_by_bit(size: tuple[int, int]) -> None:
    image = photo(*size)
    for record in RECORDS:
        expected = create_transform(**timm_config(record), is_training=False)(image).numpy()
        ours = prepare(image, record)
        assert ours.dtype == np.float32 and ours.flags.c_contiguous
        np.testing.assert_array_equal(ours, expected, err_msg=str(record))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_other_image_modes_are_read_as_rgb(mode: str) -> None:
    image = photo(50, 40).convert(mode)
    expected = create_transform(**timm_config(CLIP), is_training=False)(image.convert("RGB")).numpy()
    np.testing.assert_array_equal(prepare(image, CLIP), expected)


@pytest.mark.parametrize(
    "name", ["convnext_atto.d2_in1k", "tf_efficientnet_lite0.in1k", "vit_base_patch16_clip_224.openai"]
)
def test_a_timm_config_becomes_the_record_that_gives_it_back(name: str) -> None:
    pretrained = timm.get_pretrained_cfg(name).to_dict()
    resolved = resolve_data_config(pretrained_cfg=pretrained)
    record = from_timm_config(pretrained)
    assert record == from_timm_config(resolved)
    assert timm_config(record) == {**resolved, "mean": tuple(resolved["mean"]), "std": tuple(resolved["std"])}
    assert resolve_data_config(args=timm_config(record)) == timm_config(record)


def test_without_any_key_the_defaults_are_timms() -> None:
    resolved = resolve_data_config(args={"in_chans": 3})
    assert timm_config(from_timm_config({})) == timm_config(Preprocess()) == resolved


def test_dict_round_trip() -> None:
    record = Preprocess((160, 224), 1, "border", "lanczos", channels="BGR", **HALF)
    assert Preprocess.from_dict(record.to_dict()) == record
    assert Preprocess.from_dict({"size": 32}).size == (32, 32)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"size": (0, 32)}, "size"),
        ({"size": (32.5, 32)}, "size"),
        ({"size": "32"}, "size"),
        ({"crop_pct": 0}, "crop_pct"),
        ({"crop_pct": 1.1}, "crop_pct"),
        ({"crop_pct": "all"}, "crop_pct"),
        ({"crop_pct": float("nan")}, "crop_pct"),
        ({"crop_mode": "zoom"}, "crop_mode"),
        ({"interpolation": "random"}, "interpolation"),
        ({"mean": (0.5,)}, "mean"),
        ({"mean": (0.5, 0.5, "0.5")}, "mean"),
        ({"std": (0.5, 0.0, 0.5)}, "std"),
        ({"std": (0.5, float("inf"), 0.5)}, "std"),
        ({"mean": (0.5, 10**400, 0.5)}, "mean must be 3 finite numbers"),
        ({"channels": "GBR"}, "channels"),
        ({"channels": "GRAY"}, "mean must be 1 finite numbers"),
        ({"channels": "GRAY", "mean": (0.5,)}, "std must be 1 finite numbers"),
        ({"channels": "RGBA"}, "mean must be 4 finite numbers"),
        ({"channels": "RGBA", "mean": (0.5,) * 4, "std": (0.5, 0.5, 0.5)}, "std must be 4 finite numbers"),
        ({"channels": "L", "mean": (0.5,), "std": (0.5,)}, "channels must be one of RGB, BGR, GRAY, RGBA"),
        ({"crop": 0.9}, "crop"),
    ],
)
def test_nonsense_is_refused_by_key(values: dict[str, object], word: str) -> None:
    with pytest.raises(ZooError, match=word):
        Preprocess.from_dict(values)


def test_what_timm_cannot_express_is_refused() -> None:
    with pytest.raises(ZooError, match=r"input_size must be \(channels, height, width\), not \(28, 28\)"):
        from_timm_config({"input_size": (28, 28)})
    for record in (Preprocess(channels="BGR"), Preprocess(channels="GRAY", mean=(0.5,), std=(0.5,))):
        with pytest.raises(ZooError, match=f"gives RGB only; this model wants {record.channels}"):
            timm_config(record)


def test_an_image_whose_edge_would_vanish_is_refused() -> None:
    with pytest.raises(ZooError, match="4000x1 pixels"):
        prepare(photo(4000, 1), Preprocess((32, 32), crop_mode="border"))


def test_clips_record_in_ncnn_values() -> None:
    mean, norm = mean_norm(CLIP)
    np.testing.assert_allclose(mean, (122.7709, 116.7460, 104.0937), atol=5e-5)
    np.testing.assert_allclose(norm, (0.0145984, 0.0150078, 0.0142201), atol=5e-8)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_gray_is_timms_transform_of_one_channel_bit_by_bit(size: tuple[int, int], mode: str) -> None:
    """timm decodes such images as Pillow's "L", its `input_img_mode`; it then takes a mean of one number."""
    image = photo(*size).convert(mode)
    for usual in RECORDS:
        record = replace(usual, channels="GRAY", mean=(0.4,), std=(0.3,))
        config = timm_config(usual) | {"input_size": (1, *usual.size), "mean": (0.4,), "std": (0.3,)}
        transform = create_transform(**config, is_training=False)
        ours = prepare(image, record)
        assert ours.shape == (1, *record.size) and ours.dtype == np.float32 and ours.flags.c_contiguous
        np.testing.assert_array_equal(ours, transform(image.convert("L")).numpy(), err_msg=str(record))


def test_gray_pixels_are_pillows() -> None:
    image = photo(32, 32)
    record = Preprocess((32, 32), 1.0, mean=(0.5,), std=(0.5,), channels="GRAY")
    np.testing.assert_array_equal(prepare_uint8(image, record)[:, :, 0], np.asarray(image.convert("L")))
    np.testing.assert_array_equal(prepare_uint8(image.convert("L"), record), prepare_uint8(image, record))


@pytest.mark.parametrize("crop_mode", CROP_MODES)
def test_rgba_has_the_transparency_as_its_fourth_channel(crop_mode: str) -> None:
    image = photo(60, 40)
    image.putalpha(photo(60, 40, 1).getchannel(0))
    mean, std = (0.5, 0.4, 0.3, 0.25), (0.5, 0.25, 0.2, 0.125)
    record = Preprocess((40, 60), 1.0, crop_mode, mean=mean, std=std, channels="RGBA")
    expected = (np.asarray(image).transpose(2, 0, 1) / 255 - np.reshape(mean, (4, 1, 1))) / np.reshape(
        std, (4, 1, 1)
    )
    np.testing.assert_allclose(prepare(image, record), expected, atol=1e-6)
    opaque = prepare_uint8(photo(60, 40), record)
    assert opaque.shape == (40, 60, 4) and (opaque[:, :, 3] == 255).all()


@pytest.mark.parametrize(("channels", "kind"), [("GRAY", "PIXEL_GRAY"), ("RGBA", "PIXEL_RGBA")])
def test_ncnns_own_pixels_of_other_channels_agree(channels: str, kind: str) -> None:
    count = CHANNELS[channels]
    record = Preprocess((40, 64), mean=(0.5, 0.4, 0.3, 0.2)[:count], std=(0.25,) * count, channels=channels)
    image = photo(90, 70)
    image.putalpha(photo(90, 70, 1).getchannel(0))
    mat = ncnn.Mat.from_pixels(prepare_uint8(image, record), getattr(ncnn.Mat.PixelType, kind), 64, 40)
    mat.substract_mean_normalize(*map(list, mean_norm(record)))
    np.testing.assert_allclose(np.array(mat), prepare(image, record), atol=1e-6, rtol=1e-6)


def test_the_border_has_the_mean_colour_in_all_channels() -> None:
    mean = (0.2, 0.4, 0.6, 0.8)
    for channels, count in CHANNELS.items():
        record = Preprocess((40, 40), 1.0, "border", mean=mean[:count], std=(0.5,) * count, channels=channels)
        corner = prepare_uint8(photo(80, 20), record)[0, 0]
        np.testing.assert_array_equal(corner, np.round(255 * np.array(mean[:count])))


@pytest.mark.parametrize("record", [CLIP, Preprocess((40, 64), crop_mode="squash", **HALF)])
@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_ncnns_own_pixels_and_normalization_agree(record: Preprocess, channels: str) -> None:
    record = Preprocess.from_dict({**record.to_dict(), "channels": channels})
    image = photo(90, 70)
    pixels = prepare_uint8(image, record)
    height, width = record.size
    assert pixels.shape == (height, width, 3) and pixels.dtype == np.uint8
    mat = ncnn.Mat.from_pixels(pixels, ncnn.Mat.PixelType.PIXEL_RGB, width, height)
    mat.substract_mean_normalize(*map(list, mean_norm(record)))
    np.testing.assert_allclose(np.array(mat), prepare(image, record), atol=1e-6, rtol=1e-6)


def test_bgr_reverses_the_channels_and_nothing_else() -> None:
    image = photo(30, 60)
    rgb = Preprocess((32, 32), crop_mode="border", mean=(0.1, 0.5, 0.9), std=(0.2, 0.3, 0.4))
    bgr = Preprocess((32, 32), crop_mode="border", mean=(0.9, 0.5, 0.1), std=(0.4, 0.3, 0.2), channels="BGR")
    np.testing.assert_array_equal(prepare(image, bgr), prepare(image, rgb)[::-1])


def test_records_and_image_sets_load_without_numpy_or_pillow() -> None:
    check = "import sys, zoo.images.preprocess, zoo.images.sets\n"
    check += "print({'numpy', 'PIL', 'torch'} & set(sys.modules))"
    scripts = Path(__file__).parents[3] / "scripts"
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=scripts, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
