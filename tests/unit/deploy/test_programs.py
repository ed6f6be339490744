"""Programs for a deploy bundle: they see the pixels of the evaluation, bit by bit."""

import contextlib
import io
import re
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import ncnn
import numpy as np
import pytest
from PIL import Image

from samples.artifacts import pair
from samples.cards import RECORD, card
from samples.ncnn import small_network
from zoo.deploy.programs import obstacle, programs, runtime_options
from zoo.images.inputs import FILE, Feed, Input
from zoo.images.preprocess import CROP_MODES, INTERPOLATIONS, Preprocess, mean_norm, prepare, prepare_uint8
from zoo.ncnn.options import Options
from zoo.runners import ncnn_runner

CLIP = Preprocess(mean=(0.48145466, 0.4578275, 0.40821073), std=(0.26862954, 0.26130258, 0.27577711))
RECORDS = [
    Preprocess(size, crop_pct, crop_mode, INTERPOLATIONS[index % len(INTERPOLATIONS)], CLIP.mean, CLIP.std)
    for index, (size, crop_pct, crop_mode) in enumerate(
        (size, crop_pct, crop_mode)
        for size in ((32, 32), (48, 37), (96, 160))
        for crop_pct in (1.0, 0.875, 0.45)
        for crop_mode in CROP_MODES
    )
]
RECORDS += [Preprocess((33, 33), interpolation=name, channels="BGR") for name in INTERPOLATIONS]
RECORDS += [Preprocess((40, 64), 1.0, "border", "bicubic", CLIP.mean, CLIP.std, "BGR")]
SIZES = [(64, 64), (100, 75), (75, 100), (31, 97), (32, 32), (37, 36), (11, 9), (161, 40), (640, 427)]
FLAT = "Input in0 0 1 in0\nFlatten flat 1 1 in0 out0\n"
HARNESS = """\
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>
{namespaces}
int main()
{{
    for (int head[3]; std::fread(head, sizeof(int), 3, stdin) == 3;)
    {{
        std::vector<unsigned char> image((size_t)3 * head[1] * head[2]), seen;
        if (std::fread(image.data(), 1, image.size(), stdin) != image.size()) return 1;
        {calls}
        std::fwrite(seen.data(), 1, seen.size(), stdout);
    }}
}}
"""


@pytest.fixture(scope="module")
def see(compiler: str, tmp_path_factory: pytest.TempPathFactory):
    """preprocess.h of all RECORDS, compiled without ncnn: (number of a record, image) pairs -> all bytes."""
    folder = tmp_path_factory.mktemp("harness")
    namespaces, calls = [], []
    for number, record in enumerate(RECORDS):
        (folder / f"{number}.h").write_text(programs(record, "int8")["preprocess.h"])
        namespaces.append(f'namespace r{number} {{\n#include "{number}.h"\n}}')
        calls.append(
            f"if (head[0] == {number}) seen = r{number}::preprocess(image.data(), head[1], head[2]);"
        )
    source = HARNESS.format(namespaces="\n".join(namespaces), calls="\n        ".join(calls))
    (folder / "harness.cpp").write_text(source)
    command = [compiler, "-std=c++11", "-O1", "-Wall", "-Wextra", "-Werror", "harness.cpp", "-o", "harness"]
    subprocess.run(command, cwd=folder, check=True)

    def run(pairs) -> bytes:
        stream = b"".join(
            np.array([number, *image.size], np.int32).tobytes() + np.asarray(image)[:, :, ::-1].tobytes()
            for number, image in pairs
        )
        return subprocess.run([folder / "harness"], input=stream, capture_output=True, check=True).stdout

    return run


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_cpp_program_sees_the_pixels_of_the_evaluation_bit_by_bit(see, size: tuple[int, int]) -> None:
    image = noise(*size)
    seen = np.frombuffer(see((number, image) for number in range(len(RECORDS))), np.uint8)
    for record in RECORDS:
        expected = prepare_uint8(image, record)
        bgr = expected if record.channels == "BGR" else expected[:, :, ::-1]
        np.testing.assert_array_equal(seen[: bgr.size].reshape(bgr.shape), bgr, err_msg=str(record))
        seen = seen[bgr.size :]
    assert not seen.size


def test_the_cpp_program_refuses_an_image_whose_edge_would_vanish(see) -> None:
    number = next(index for index, record in enumerate(RECORDS) if record.crop_mode == "border")
    assert see([(number, noise(4000, 1))]) == b""


@pytest.mark.parametrize(("channels", "pixel_type"), [("RGB", "PIXEL_BGR2RGB"), ("BGR", "PIXEL_BGR")])
def test_values_in_the_cpp_program(channels: str, pixel_type: str) -> None:
    record = Preprocess(mean=(0, 0.5, 1), std=CLIP.std, channels=channels)
    code = programs(record, "int8")["main.cpp"]
    assert re.findall(r"PIXEL_\w+", code) == [pixel_type]
    for name, expected in zip(("mean_vals", "norm_vals"), mean_norm(record), strict=True):
        literals = re.search(name + r"\[\] = \{(.*?)\}", code)[1].split(", ")
        assert all(re.fullmatch(r"[0-9]+\.[0-9]*(e-?[0-9]+)?f", literal) for literal in literals)
        parsed = np.array([literal.rstrip("f") for literal in literals], np.float32)
        np.testing.assert_array_equal(parsed, np.array(expected, np.float32))


@pytest.mark.parametrize("device", ["cpu", "gpu"])
@pytest.mark.parametrize("artifact", ["fp32", "int8"])
def test_programs_run_ncnn_as_the_verification_does(device: str, artifact: str) -> None:
    made = programs(CLIP, artifact, device)
    for text, true, false in ((made["main.cpp"], "true", "false"), (made["predict.py"], "True", "False")):
        assert f"use_vulkan_compute = {true if device == 'gpu' else false}" in text
        assert (f"use_fp16_storage = {false}" in text) == (artifact == "fp32")
        assert ("get_gpu_count() == 0" in text) == (device == "gpu")
        assert f'"{artifact}.param"' in text and f'"{artifact}.bin"' in text


@pytest.mark.parametrize("artifact", ["fp32", "fp16", "bf16", "w8", "w6", "w4", "int8"])
def test_ncnns_options_are_those_of_the_verification(artifact: str, tmp_path: Path) -> None:
    verified = ncnn_runner.load(pair(small_network(), tmp_path), "cpu", 1, artifact)._net.opt
    ours = ncnn.Net().opt
    for name, value in runtime_options(artifact).items():
        setattr(ours, name, value)
    for name in dir(ours):
        if name.startswith("use_"):
            assert getattr(ours, name) == getattr(verified, name), name


def test_programs_set_the_options_that_the_artifact_was_verified_with() -> None:
    chosen = Options({"use_winograd_convolution": False, "use_sgemm_convolution": True}, threads=3)
    texts = programs(RECORD, "int8", chosen=chosen)
    for name, off, threads in (
        ("main.cpp", "net.opt.use_winograd_convolution = false;", "net.opt.num_threads = 3;"),
        ("predict.py", "net.opt.use_winograd_convolution = False\n", 'help="by default 3", default=3)'),
    ):
        assert off in texts[name] and threads in texts[name]
        assert "use_sgemm_convolution" not in texts[name], "it is on by itself"
    assert texts["main.cpp"].index("num_threads = 3") < texts["main.cpp"].index('"--threads"')
    assert "num_threads = 3" not in programs(RECORD, "int8")["main.cpp"]


@pytest.mark.parametrize("size", [(32, 32), (48, 37)], ids=str)
@pytest.mark.parametrize("crop_mode", CROP_MODES)
@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_the_python_program_runs_on_the_same_pixels(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
    crop_mode: str,
    channels: str,
) -> None:
    record = Preprocess(size, 0.9, crop_mode, "bilinear", CLIP.mean, CLIP.std, channels)
    image = noise(40, 61)
    image.save(tmp_path / "a photo.png")
    (tmp_path / "flat.param").write_text(f"7767517\n2 2\n{FLAT}")
    (tmp_path / "flat.bin").touch()
    (tmp_path / "predict.py").write_text(programs(record, "flat")["predict.py"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["predict.py", "a photo.png", "--logits"])

    variables = runpy.run_path("predict.py")

    rgb = np.asarray(variables["image"])
    np.testing.assert_array_equal(rgb if channels == "RGB" else rgb[:, :, ::-1], prepare_uint8(image, record))
    name, *values = capsys.readouterr().out.splitlines()
    assert name == "a photo.png"
    expected = prepare(image, record)
    np.testing.assert_allclose(np.array(values, np.float32), expected.ravel(), atol=1e-6, rtol=1e-6)


SOFTMAXED = [float(value) for value in np.exp([0.625, 0.25, 0.125]) / np.exp([0.625, 0.25, 0.125]).sum()]
PRINTS = """\
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>
namespace ncnn
{{
struct Mat {{ int w; const float* data; operator const float*() const {{ return data; }} }};
}}
{function}
int main()
{{
    const float values[] = {{0.25f, 0.625f, 0.125f}};
    print_top5(ncnn::Mat{{3, values}}, {{"a", "b", "c"}});
}}
"""


@pytest.mark.parametrize(
    ("output", "scores"),
    [
        ("logits", SOFTMAXED),
        ("probabilities", [0.625, 0.25, 0.125]),
        ("sigmoid", [0.625, 0.25, 0.125]),
        ("multilabel", [float(1 / (1 + np.exp(-value))) for value in (0.625, 0.25, 0.125)]),
    ],
)
def test_both_programs_show_numbers_as_what_they_are(
    compiler: str, tmp_path: Path, output: str, scores: list[float]
) -> None:
    wanted = "".join(
        f"  {score:.4f}  {index:4}  {'abc'[index]}\n" for score, index in zip(scores, (1, 0, 2), strict=True)
    )
    made = programs(CLIP, "fp32", output=output)
    (function,) = re.findall(r"^static void print_top5.*?^}$", made["main.cpp"], re.MULTILINE | re.DOTALL)
    (tmp_path / "prints.cpp").write_text(PRINTS.format(function=function))
    command = [compiler, "-std=c++11", "-Wall", "-Wextra", "-Werror", "prints.cpp", "-o", "prints"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert subprocess.run([tmp_path / "prints"], capture_output=True, text=True).stdout == wanted
    values = {"values": np.float32([0.25, 0.625, 0.125]), "np": np, "labels": "abc"}
    shown = "\n".join(line[4:] for line in made["predict.py"].rpartition("continue\n")[2].splitlines())
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(shown, values)
    assert printed.getvalue() == wanted


def test_what_stands_in_the_way_of_programs_is_told_of_the_model():
    assert obstacle(card()) is None and obstacle(card(record=replace(RECORD, channels="BGR"))) is None
    assert obstacle(card(task="other")) == "is no classifier"
    assert obstacle(card(inputs=Feed.image(RECORD).inputs * 2)) == "takes several inputs"
    assert obstacle(card(inputs=(Input("x", (3, 8, 8), FILE),))) == "takes no image"
    gray = Preprocess((8, 8), mean=(0.5,), std=(0.25,), channels="GRAY")
    assert obstacle(card(record=gray)) == "takes images of the channels GRAY"
