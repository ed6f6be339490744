"""Code that a user pastes to run an int8 model: mean, norm, pixel type and geometry from its own record."""

from zoo.errors import ZooError
from zoo.preprocess import Preprocess, fill_colour, mean_norm

# How each reader of images is used in C++, and the channel order it gives.
_READERS = {
    "opencv": (
        "BGR",
        "#include <opencv2/opencv.hpp>\n",
        """\
    cv::Mat image = cv::imread(argv[1], cv::IMREAD_COLOR); // OpenCV gives BGR
    if (image.empty()) return 1;
    const int width = image.cols, height = image.rows;
""",
        """\
    // INTER_AREA averages what it shrinks, as the antialiased {interpolation} of the evaluation does.
    cv::Mat pixels;
    cv::resize(image(cv::Rect(left, top, crop_w, crop_h)), pixels, cv::Size(w, h), 0, 0, cv::INTER_AREA);
    ncnn::Mat in = ncnn::Mat::from_pixels(pixels.data, ncnn::Mat::{pixel_type}, w, h);
""",
    ),
    "stb": (
        "RGB",
        """\
#include <vector>
#define STB_IMAGE_IMPLEMENTATION
#include "stb_image.h"
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#include "stb_image_resize2.h"
""",
        """\
    int width, height, channels;
    unsigned char* image = stbi_load(argv[1], &width, &height, &channels, 3); // stb_image gives RGB
    if (!image) return 1;
""",
        """\
    // stb's default filters are antialiased, as the {interpolation} of the evaluation is.
    std::vector<unsigned char> pixels(3 * w * h);
    stbir_resize_uint8_linear(image + 3 * (top * width + left), crop_w, crop_h, 3 * width,
                              pixels.data(), w, h, 3 * w, STBIR_RGB);
    stbi_image_free(image);
    ncnn::Mat in = ncnn::Mat::from_pixels(pixels.data(), ncnn::Mat::{pixel_type}, w, h);
""",
    ),
}

_CPP_SCALES = {
    "center": "const double ratio_y = std::min(height / {sh}., width / {sw}.), ratio_x = ratio_y;",
    "border": "const double ratio_y = std::max(height / {sh}., width / {sw}.), ratio_x = ratio_y;",
    "squash": "const double ratio_y = height / {sh}., ratio_x = width / {sw}.;",
}

_CPP_PAD = """\
    // What is left around the image gets the mean colour, which is 0 once normalized.
    ncnn::Mat padded;
    const int pad_y = ({height} - h) / 2, pad_x = ({width} - w) / 2;
    ncnn::copy_make_border(in, padded, pad_y, {height} - h - pad_y, pad_x, {width} - w - pad_x,
                           ncnn::BORDER_CONSTANT, 0.f);
    in = padded;
"""

_CPP = """\
#include <algorithm>
#include <cmath>
#include <cstdio>
#include "net.h"
{include}
int main(int argc, char** argv)
{{
    if (argc != 2) return 1;
    ncnn::Net net;
    net.opt.use_vulkan_compute = {vulkan};
    if (net.load_param("{stem}.param") || net.load_model("{stem}.bin")) return 1;

{read}
    // The part of the image that the network sees, and its size there.
    {scales}
    const int crop_w = std::min(width, (int)std::lround({width} * ratio_x));
    const int crop_h = std::min(height, (int)std::lround({height} * ratio_y));
    const int left = (width - crop_w) / 2, top = (height - crop_h) / 2;
    const int w = std::min({width}, (int)std::lround(width / ratio_x));
    const int h = std::min({height}, (int)std::lround(height / ratio_y));

{resize}
    const float mean_vals[3] = {{{mean}}};
    const float norm_vals[3] = {{{norm}}};
    in.substract_mean_normalize(mean_vals, norm_vals);
{pad}
    ncnn::Extractor extractor = net.create_extractor();
    ncnn::Mat out;
    if (extractor.input("{input_blob}", in) || extractor.extract("{output_blob}", out)) return 1;
    const float* scores = out;
    std::printf("class %d\\n", (int)(std::max_element(scores, scores + out.w) - scores));
    return 0;
}}
"""


def cpp_snippet(
    record: Preprocess,
    stem: str,
    reader: str = "opencv",
    vulkan: bool = False,
    input_blob: str = "in0",
    output_blob: str = "out0",
) -> str:
    """A C++ program that classifies one image with `stem`.param and `stem`.bin.

    reader: `opencv`, which gives BGR, or `stb` (stb_image and stb_image_resize2), which gives RGB; the pixel
        type converts from there to the record's channels. The resampling differs a little from the
        evaluation's; pixels, mean and norm do not.

    Raises ZooError for an unknown reader.
    """
    if reader not in _READERS:
        raise ZooError(f"C++ snippet: reader must be one of {', '.join(_READERS)}, not {reader!r}")
    given, include, read, resize = _READERS[reader]
    height, width = record.size
    scaled_height, scaled_width = record.scaled_size
    mean, norm = mean_norm(record)
    return _CPP.format(
        stem=stem,
        include=include,
        vulkan=str(vulkan).lower(),
        read=read,
        scales=_CPP_SCALES[record.crop_mode].format(sh=scaled_height, sw=scaled_width),
        height=height,
        width=width,
        resize=resize.format(interpolation=record.interpolation, pixel_type=_pixel_type(given, record)),
        mean=", ".join(map(_cpp_float, mean)),
        norm=", ".join(map(_cpp_float, norm)),
        pad=_CPP_PAD.format(height=height, width=width) if record.crop_mode == "border" else "",
        input_blob=input_blob,
        output_blob=output_blob,
    )


def _pixel_type(given: str, record: Preprocess) -> str:
    """ncnn's name for pixels that come in the order `given` and are wanted in the record's."""
    return f"PIXEL_{given}" if given == record.channels else f"PIXEL_{given}2{record.channels}"


def _cpp_float(value: float) -> str:
    """A float literal that reads back as the same fp32 number."""
    text = f"{value:.9g}"
    return (text if "." in text or "e" in text else text + ".0") + "f"


_PYTHON_SIZES = {
    "edge": """\
short = min(image.size)
image = image.resize([int({sw} * edge / short) for edge in image.size], Image.Resampling.{filter})
""",
    "ratio": """\
ratio = {choose}(image.width / {sw}, image.height / {sh})
image = image.resize([round(edge / ratio) for edge in image.size], Image.Resampling.{filter})
""",
    "squash": """\
image = image.resize(({sw}, {sh}), Image.Resampling.{filter})
""",
}

_PYTHON_CROP = """\
left, top = round((image.width - {width}) / 2), round((image.height - {height}) / 2)
image = image.crop((left, top, left + {width}, top + {height}))
"""

_PYTHON_PAD = """\
part = Image.new("RGB", ({width}, {height}), {fill})
room = [whole - edge for whole, edge in zip(part.size, image.size)]
part.paste(image, [space // 2 if space >= 0 else round(space / 2) for space in room])
image = part
"""

_PYTHON = """\
import sys

import ncnn
import numpy as np
from PIL import Image

image = Image.open(sys.argv[1]).convert("RGB")  # Pillow gives RGB
{sizes}{crop}
net = ncnn.Net()
net.opt.use_vulkan_compute = {vulkan}
if net.load_param("{stem}.param") != 0 or net.load_model("{stem}.bin") != 0:
    sys.exit("{stem}.param and {stem}.bin do not load")

data = ncnn.Mat.from_pixels(np.asarray(image), ncnn.Mat.PixelType.{pixel_type}, {width}, {height})
data.substract_mean_normalize({mean}, {norm})
extractor = net.create_extractor()
extractor.input("{input_blob}", data)
status, out = extractor.extract("{output_blob}")
if status != 0:  # an empty `out` must not reach numpy
    sys.exit("{stem} does not run")
print("class", np.array(out).argmax())
"""


def python_snippet(
    record: Preprocess, stem: str, vulkan: bool = False, input_blob: str = "in0", output_blob: str = "out0"
) -> str:
    """A Python program, on ncnn, numpy and Pillow, that classifies one image with `stem`.param and .bin.

    Its pixels are those of `zoo.preprocess.prepare_uint8`, bit by bit.
    """
    height, width = record.size
    scaled_height, scaled_width = record.scaled_size
    if record.crop_mode == "center" and scaled_height == scaled_width:
        sizes = _PYTHON_SIZES["edge"]
    else:
        sizes = _PYTHON_SIZES["squash" if record.crop_mode == "squash" else "ratio"]
    mean, norm = mean_norm(record)
    return _PYTHON.format(
        sizes=sizes.format(
            sw=scaled_width,
            sh=scaled_height,
            filter=record.interpolation.upper(),
            choose="max" if record.crop_mode == "border" else "min",
        ),
        crop=(_PYTHON_PAD if record.crop_mode == "border" else _PYTHON_CROP).format(
            height=height, width=width, fill=fill_colour(record)
        ),
        vulkan=vulkan,
        stem=stem,
        pixel_type=_pixel_type("RGB", record),
        height=height,
        width=width,
        mean=list(mean),
        norm=list(norm),
        input_blob=input_blob,
        output_blob=output_blob,
    )
