"""Images that change between the plan and the job that reads them."""

from pathlib import Path

import pytest

from samples.pictures import fill, noise
from zoo.errors import ZooError
from zoo.images.planned import MADE_HERE, as_planned, fault_in, state_of, tell_left_out
from zoo.images.sets import ImageSet


def test_what_stays_as_it_was_planned_passes(tmp_path: Path) -> None:
    images = ImageSet("set", fill(tmp_path / "set", "a.png"))
    with as_planned((images, state_of(images)), (images.to_dict(), state_of(images))):
        pass
    with as_planned((ImageSet("digits", tmp_path / "gone"), MADE_HERE)):
        pass


@pytest.mark.parametrize("when", ["before the job", "while it reads", "a copy goes on"])
def test_images_that_change_after_the_plan_end_the_job(tmp_path: Path, when: str) -> None:
    images = ImageSet("set", fill(tmp_path / "set", "a.png", "b.png"))
    state = state_of(images)
    if when == "before the job":
        noise(seed=9).save(tmp_path / "set/a.png")
    said = r"image set set: .* has changed since this build was planned"
    with pytest.raises(ZooError, match=said), as_planned((images.to_dict(), state)):
        if when == "while it reads":
            (tmp_path / "set/b.png").unlink()
        if when == "a copy goes on":
            noise(seed=9).save(tmp_path / "set/c.png")


def test_what_is_wrong_with_a_set_is_its_state(tmp_path: Path) -> None:
    images = ImageSet("set", tmp_path / "none")
    assert fault_in(MADE_HERE) is None and "none" in (fault_in(state_of(images)) or "")
    with as_planned((images, state_of(images))):
        pass


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "bmp"])
def test_a_damaged_image_of_a_small_set_is_told_when_a_build_is_planned(tmp_path: Path, suffix: str) -> None:
    folder = fill(tmp_path / "set", f"a.{suffix}", f"b.{suffix}")
    images = ImageSet("set", folder)
    assert fault_in(state_of(images)) is None
    whole = (folder / f"a.{suffix}").read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"<html>not found</html>"):
        if suffix == "bmp" and content.startswith(b"BM"):
            continue  # it has no end by which to tell: the job does
        (folder / f"a.{suffix}").write_bytes(content)
        said = fault_in(state_of(images)) or ""
        assert said.startswith(f"image set set: {folder}/a.{suffix}: cannot be read as an image ("), said
    (folder / f"a.{suffix}").write_bytes(whole + b"\0" * 200)  # what follows the end is no matter
    assert fault_in(state_of(images)) is None


def test_what_the_job_says_itself_is_not_hidden(tmp_path: Path) -> None:
    images = ImageSet("set", fill(tmp_path / "set", "a.png"))
    with pytest.raises(KeyError), as_planned((images, "another")):
        raise KeyError


def test_what_is_not_read_is_said_in_a_line_on_the_terminal_and_in_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    images = ImageSet("set", fill(tmp_path / "set", "a.png", ".ipynb_checkpoints/a.png"))
    (tmp_path / "set/notes.txt").write_text("none")
    with caplog.at_level("INFO"):
        tell_left_out(images, images.to_dict(), ImageSet("clean", fill(tmp_path / "clean", "a.png")))
        (tmp_path / "clean/SOURCES.md").write_text("none")
        tell_left_out(ImageSet("clean", tmp_path / "clean"))
    said = f"{tmp_path}/set: not read are 1 hidden file or folder, 1 .txt"
    assert capsys.readouterr().err == f"note: {said}\n"
    also = f"image set clean: {tmp_path}/clean: not read are 1 .md"
    assert caplog.messages == [f"image set set: {said}", also]
