"""What an artifact says about images: the function and the command."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samples.artifacts import LABELS, RECORD, changed_in_time, make_tree, photos
from samples.ncnn import chain, run, small_network
from zoo.errors import ZooError
from zoo.images.preprocess import Preprocess, prepare
from zoo.jobs.records import write_json
from zoo.predict import Predictor, softmax

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/predict.py"


@pytest.fixture
def param(tmp_path: Path) -> Path:
    return make_tree(tmp_path)


def expected(path: Path, folder: Path) -> np.ndarray:
    """The probabilities that the network gives a picture, by ncnn itself."""
    logits = run(small_network(), prepare(Image.open(path), RECORD), folder).ravel().astype(np.float64)
    powers = np.exp(logits)
    return powers / powers.sum()


def test_softmax_is_that_of_torch_and_does_not_overflow():
    import torch

    logits = np.float32([1000, 999, -1000, 998.5])
    wanted = torch.softmax(torch.from_numpy(logits).double(), 0).numpy()
    np.testing.assert_allclose(softmax(logits), wanted, rtol=1e-12)


def test_a_path_gives_its_classes_the_likeliest_first(param: Path, tmp_path: Path):
    photo = photos(tmp_path, 1)[0].path
    scores = expected(photo, tmp_path)
    found = Predictor.open(param)(photo)
    assert [each.index for each in found] == list(np.argsort(-scores))
    assert [each.label for each in found] == [LABELS[i] for i in np.argsort(-scores)]
    np.testing.assert_allclose([each.score for each in found], np.sort(scores)[::-1], rtol=1e-5)


def test_paths_pixels_and_pillow_images_say_the_same_alone_and_in_lists(param: Path, tmp_path: Path):
    predictor = Predictor.open(str(param))
    first, second = (sample.path for sample in photos(tmp_path, 2))
    image = Image.open(second)
    alone = [predictor(first, top=2), predictor(np.asarray(image), top=2)]
    assert all(len(each) == 2 for each in alone)
    assert predictor([str(first), np.asarray(image)], top=2) == alone
    assert predictor((first, image), top=2) == alone
    assert predictor([]) == []
    assert predictor(first, top=100) == predictor(first, top=5)


@pytest.mark.parametrize(
    ("image", "fault"),
    [
        (
            np.zeros((8, 8), np.uint8),
            r"image 1: pixels must have the shape \(height, width, 3\), not \(8, 8\)",
        ),
        (np.zeros((3, 8, 8), np.uint8), r"not \(3, 8, 8\)"),
        (np.zeros((0, 8, 3), np.uint8), r"not \(0, 8, 3\)"),
        (np.zeros((8, 8, 3), np.float32), "pixels must be uint8, 0 to 255 in RGB order, not float32"),
        (7, "image 1: a int is no image"),
        ("missing.png", "missing.png: there is no such image"),
        (__file__, r"test_predict\.py: cannot be read as an image"),
    ],
)
def test_what_is_no_image_is_refused_by_name(param: Path, image: object, fault: str):
    with pytest.raises(ZooError, match=fault):
        Predictor.open(param)([np.zeros((8, 8, 3), np.uint8), image])


def test_outputs_that_are_not_finite_are_no_scores(tmp_path: Path):
    predictor = Predictor.open(make_tree(tmp_path))
    with pytest.raises(ZooError, match="cpu/small/fp32: its outputs hold NaN or infinity"):
        predictor.ranked((np.float32([1, np.nan]),), 1)


def test_labels_of_another_count_are_not_shown(tmp_path: Path):
    predictor = Predictor.open(make_tree(tmp_path, labels=("a", "b")))
    with pytest.raises(ZooError, match="5 outputs, and its card names 2"):
        predictor(np.zeros((8, 8, 3), np.uint8))


def test_without_labels_there_are_indices(tmp_path: Path):
    found = Predictor.open(make_tree(tmp_path, labels=None))(np.zeros((8, 8, 3), np.uint8), top=1)
    assert found[0].label is None and 0 <= found[0].index < 5


def test_a_model_of_four_channels_sees_how_transparent_an_image_is(tmp_path: Path):
    record = Preprocess((8, 8), crop_pct=1.0, mean=(0.5,) * 4, std=(0.25,) * 4, channels="RGBA")
    param = make_tree(tmp_path, chain("Flatten", {}), record=record, labels=None)
    image = Image.new("RGBA", (8, 8), (10, 20, 30, 40))
    image.save(tmp_path / "a.png")
    predictor = Predictor.open(param)
    for given in (tmp_path / "a.png", image):
        (values,) = predictor.inputs(given)
        np.testing.assert_allclose(
            values[:, 0, 0], (np.float32([10, 20, 30, 40]) / 255 - 0.5) / 0.25, rtol=1e-5
        )


def test_a_batch_is_computed_at_once_where_the_model_takes_it_and_says_the_same(tmp_path: Path):
    from samples.flexible_onnx import save_flexible

    fixed, flexible = (Predictor.open(save_flexible(make_tree(tmp_path / n).parent, n)) for n in ("1", "N"))
    generator = np.random.default_rng(0)
    many = [fixed.inputs(generator.integers(0, 256, (8, 8, 3), np.uint8)) for _ in range(3)]
    assert not fixed.takes_batches and flexible.takes_batches
    for one, other in zip(fixed.batch(many), flexible.batch(many), strict=True):
        np.testing.assert_allclose(one[0], other[0], rtol=1e-6)


def test_outside_of_a_zoo_the_card_must_be_named(param: Path, tmp_path: Path):
    card = tmp_path / "results/weights/small.json"
    elsewhere = tmp_path / "elsewhere"
    param.parent.rename(elsewhere)
    with pytest.raises(ZooError, match=r"its model card is not at .*; name it with --card"):
        Predictor.open(elsewhere / "fp32.param")
    predictor = Predictor.open(elsewhere / "fp32.bin", card)
    assert str(predictor.artifact) == "cpu/small/fp32"
    write_json({"name": "small"}, card)
    with pytest.raises(ZooError, match=r"small\.json: no model card as .*version None"):
        Predictor.open(elsewhere / "fp32.param", card)


def call(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


def test_the_command_shows_a_table_an_image_and_goes_on_after_a_bad_one(param: Path, tmp_path: Path):
    first, second = (sample.path for sample in photos(tmp_path, 2))
    done = call(param, first, "missing.png", second, "--top", 2)
    assert done.returncode == 1
    assert done.stderr.strip().startswith("error: missing.png: there is no such image")
    assert "Traceback" not in done.stderr
    lines = done.stdout.splitlines()
    scores = expected(second, tmp_path)
    best = int(scores.argmax())
    assert len(lines) == 6 and lines[0] == str(first) and lines[3] == str(second)
    assert lines[4].split() == [f"{scores[best]:.1%}", str(best), LABELS[best]]


def test_json_is_a_line_an_image(param: Path, tmp_path: Path):
    photo = photos(tmp_path, 1)[0].path
    done = call(param, photo, photo, "--json")
    assert done.returncode == 0, done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    assert first == second and first["image"] == str(photo) and first["artifact"] == "cpu/small/fp32"
    found = [(each["index"], each["label"], each["score"]) for each in first["predictions"]]
    assert found == [(each.index, each.label, each.score) for each in Predictor.open(param)(photo)]


def test_a_model_that_is_no_classifier_shows_its_outputs(tmp_path: Path):
    graph = chain("Pooling", {0: 0, 1: 2, 2: 2})
    param = make_tree(tmp_path, graph, task="other", labels=None)
    done = call(param, photos(tmp_path, 1)[0].path)
    assert done.returncode == 0, done.stderr
    assert "output 0: shape" in done.stdout
    with pytest.raises(ZooError, match="the model is no classifier"):
        Predictor.open(param)(np.zeros((8, 8, 3), np.uint8))


def test_an_artifact_that_cannot_be_loaded_is_one_sentence(param: Path, tmp_path: Path):
    param.with_suffix(".bin").write_bytes(b"short")
    done = call(param, photos(tmp_path, 1)[0].path)
    assert done.returncode == 1 and done.stderr.startswith("error: ") and "Traceback" not in done.stderr
    (tmp_path / "old.json").write_text('{"name": "small"}')
    done = call(param, "photo.png", "--card", tmp_path / "old.json")
    assert (
        done.returncode == 1
        and done.stderr.startswith("error: ")
        and "old.json: no model card" in done.stderr
    )
    done = call(param.with_name("int8.param"), "photo.png")
    assert done.returncode == 1 and "int8.param: there is no such file" in done.stderr


def test_the_command_says_in_a_line_that_an_artifact_is_unverified_and_works(param: Path, tmp_path: Path):
    photo = photos(tmp_path, 1)[0].path
    assert call(param, photo).stderr == ""
    param.with_name("fp32.verify.json").unlink()
    done = call(param, photo)
    assert done.returncode == 0 and done.stdout.startswith(str(photo))
    assert done.stderr.startswith("note: cpu/small/fp32 is unverified") and done.stderr.count("\n") == 1


def test_an_artifact_that_is_not_the_one_verified_answers_nothing(param: Path, tmp_path: Path):
    changed_in_time(param.with_suffix(".bin"))
    done = call(param, photos(tmp_path, 1)[0].path)
    assert done.returncode == 1 and not done.stdout
    assert "fp32.bin is not the file that was verified" in done.stderr
    with pytest.raises(ZooError, match="not the file that was verified"):
        Predictor.open(param)


def test_a_gpu_artifact_needs_a_vulkan_device(param: Path, tmp_path: Path):
    done = subprocess.run(
        [sys.executable, SCRIPT, param, photos(tmp_path, 1)[0].path, "--device", "gpu"],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "VK_DRIVER_FILES": "/nonexistent.json"},
        timeout=120,
    )
    assert done.returncode == 1 and "error: this machine has no Vulkan device" in done.stderr


def test_the_command_gives_a_model_that_is_a_program_no_more_than_it_needs(param: Path, tmp_path: Path):
    import torch

    class Greedy(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images + torch.empty(5_000_000_000).shape[0]  # 20 GB, which nobody touches

    program = param.with_name("torchscript.pt")
    torch.jit.script(Greedy()).save(str(program))
    done = call(program, photos(tmp_path, 1)[0].path)
    assert done.returncode == 1 and "asks for more than 16384 MB of memory, the limit" in done.stderr


@pytest.mark.parametrize(("output", "numbers"), [("probabilities", (0.7, 0.1, 0.2)), ("sigmoid", (0.9, 0.8))])
def test_what_is_a_score_already_is_shown_as_it_is(tmp_path: Path, output: str, numbers: tuple[float, ...]):
    predictor = Predictor.open(make_tree(tmp_path, output=output, labels=None))
    values = np.float32(numbers)
    found = predictor.ranked((values,), 5)
    assert [each.index for each in found] == list(np.argsort(-values))
    assert [each.score for each in found] == sorted(map(float, values), reverse=True)


def test_logits_of_labels_that_do_not_exclude_each_other_get_a_sigmoid_each(tmp_path: Path):
    predictor = Predictor.open(make_tree(tmp_path, output="multilabel", labels=None))
    values = np.float32([0.5, 90, -800, 100])
    found = predictor.ranked((values,), 4)
    assert [each.index for each in found] == [3, 1, 0, 2], "by the numbers: 90 and 100 both round to 1"
    assert [each.score for each in found] == pytest.approx([1, 1, 1 / (1 + np.exp(-0.5)), 0])


def test_the_command_says_what_scores_are_of(tmp_path: Path):
    param = make_tree(tmp_path, output="sigmoid")
    photo = photos(tmp_path, 1)[0].path
    said = json.loads(call(param, photo, "--json").stdout)
    (outputs,) = Predictor.open(param).outputs(Predictor.open(param).inputs(photo))
    assert said["output"] == "sigmoid"
    assert said["predictions"][0]["score"] == pytest.approx(outputs.max(), abs=1e-6)


def test_a_single_number_is_shown_as_what_it_is(tmp_path: Path):
    param = make_tree(tmp_path, chain("Reduction", {0: 3, 1: 1}), task="other", labels=None)
    photo = photos(tmp_path, 1)[0].path
    (output,) = Predictor.open(param).outputs(Predictor.open(param).inputs(photo))
    assert output.size == 1 and f"output 0: {output.ravel()[0]:.4g}\n" in call(param, photo).stdout
