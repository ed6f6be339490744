"""Finding a set's images in folders and lists, and which output of a model a label stands for."""

import os
from pathlib import Path

import pytest
from timm.data import ImageDataset

from samples.pictures import fill, names, write_list
from zoo.errors import ZooError
from zoo.images import files
from zoo.images.files import ModelClasses, class_folders
from zoo.images.sets import ImageSet, fingerprint, left_out, samples


def test_a_folder_gives_its_images_by_name(tmp_path: Path) -> None:
    fill(tmp_path, "b/two words.JPG", "b/ä.png", "a.jpeg")
    (tmp_path / "SOURCES.md").write_text("no image")
    assert names(ImageSet("set", tmp_path)) == ["a.jpeg", "b/two words.JPG", "b/ä.png"]


HIDDEN = (".ipynb_checkpoints/0.png", "__MACOSX/._a.png", "fern/@eaDir/a.png", "fern/._a.png", ".a.png")


def test_hidden_files_and_folders_are_no_images_and_no_classes(tmp_path: Path) -> None:
    fill(tmp_path, "fern/a.png", "moss/b.png", *HIDDEN)
    for left in (".DS_Store", "Thumbs.db", "fern/DESKTOP.INI"):
        (tmp_path / left).write_bytes(b"\x89PNG\r\n\x1a\n")
    assert class_folders(tmp_path) == ["fern", "moss"]
    image_set = ImageSet("set", tmp_path, labels=True)
    assert [(s.name, s.label) for s in samples(image_set)] == [("fern/a.png", 0), ("moss/b.png", 1)]
    assert left_out(image_set).to_dict() == {"hidden": 8}
    assert str(left_out(image_set)) == "8 hidden files and folders"


def test_what_snakemake_leaves_in_a_folder_that_a_rule_makes_is_no_matter(tmp_path: Path) -> None:
    fill(tmp_path, "a.png")
    (tmp_path / ".snakemake_timestamp").touch()
    image_set = ImageSet("set", tmp_path)
    assert names(image_set) == ["a.png"] and left_out(image_set).to_dict() == {}


def test_a_file_without_a_known_suffix_is_an_image_if_it_begins_as_one(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "b.gif")
    (tmp_path / "b.gif").rename(tmp_path / "no suffix")
    (tmp_path / "a.jpg").rename(tmp_path / "a.jpg_original")
    for left in ("notes.txt", "more.TXT", "phone.heic", "README"):
        (tmp_path / left).write_bytes(b"....ftypheic")
    (tmp_path / "camera.nef").write_bytes(b"II*\0")
    assert names(ImageSet("set", tmp_path)) == ["a.jpg_original", "no suffix"]
    expected = {".txt": 2, ".heic": 1, "without a suffix": 1, ".nef": 1}
    assert left_out(ImageSet("set", tmp_path)).to_dict() == expected


def test_a_folder_of_many_other_files_is_not_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_LOOKED_INTO", 2)
    fill(tmp_path, "z.png", "known.png")
    (tmp_path / "z.png").rename(tmp_path / "z")
    for number in range(2):
        (tmp_path / f"{number}.txt").touch()
    assert names(ImageSet("set", tmp_path)) == ["known.png"]
    assert left_out(ImageSet("set", tmp_path)).to_dict() == {".txt": 2, "without a suffix": 1}


def test_a_link_to_an_image_of_the_same_class_is_the_same_image(tmp_path: Path) -> None:
    fill(tmp_path, "a/x.png", "b/y.png")
    (tmp_path / "a" / "again.png").symlink_to("x.png")
    (tmp_path / "b" / "too.png").symlink_to("../a/x.png")
    labelled = ImageSet("set", tmp_path, labels=True)
    assert names(labelled) == ["a/x.png", "b/too.png", "b/y.png"]
    assert names(ImageSet("set", tmp_path)) == ["a/x.png", "b/y.png"]
    assert left_out(labelled).to_dict() == {"twice": 2}


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    fill(tmp_path / "elsewhere", "x.png")
    fill(tmp_path / "set", "a.png")
    (tmp_path / "set" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "set")
    assert names(ImageSet("set", tmp_path / "set")) == ["a.png", "linked/x.png"]


def test_folder_labels_are_timms(tmp_path: Path) -> None:
    fill(
        tmp_path, *(f"{folder}/{i}.png" for folder in ("10", "9", "b/Dog", "a/cat", "c/cat") for i in (0, 1))
    )
    reader = ImageDataset(str(tmp_path)).reader
    expected = {str(Path(path).relative_to(tmp_path)): label for path, label in reader.samples}
    assert {s.name: s.label for s in samples(ImageSet("set", tmp_path, labels=True))} == expected
    assert {s.label for s in samples(ImageSet("set", tmp_path))} == {None}


def test_a_class_map_gives_line_numbers(tmp_path: Path) -> None:
    fill(tmp_path / "set", "n02/a.png", "n01/b.png")
    (tmp_path / "classes.txt").write_text("n00\nn01\nn02\n")
    image_set = ImageSet("set", tmp_path / "set", labels=True, classes=tmp_path / "classes.txt")
    assert [(s.name, s.label) for s in samples(image_set)] == [("n01/b.png", 1), ("n02/a.png", 2)]
    fill(tmp_path / "set", "n07/c.png")
    with pytest.raises(ZooError, match=r"image set set: .*classes\.txt has no class 'n07'"):
        samples(image_set)


def test_a_labelled_folder_has_no_stray_images(tmp_path: Path) -> None:
    fill(tmp_path, "a/x.png", "stray.png")
    with pytest.raises(ZooError, match=r"stray\.png lies in no class folder"):
        samples(ImageSet("set", tmp_path, labels=True))


def test_a_list_names_images_relative_to_itself(tmp_path: Path) -> None:
    fill(tmp_path, "a b/ü 1.png", "#c.png")
    write_list(tmp_path, "# comment\r\n\r\na b/ü 1.png\t7\r\n./#c.png\t3\r\n")
    found = samples(ImageSet("set", tmp_path / "list.txt", labels=True))
    assert [(s.name, s.label) for s in found] == [("#c.png", 3), ("a b/ü 1.png", 7)]
    assert all(sample.path.is_file() for sample in found)


def test_a_file_that_is_listed_twice_counts_once(tmp_path: Path) -> None:
    fill(tmp_path, "x.png", "y.png")
    (tmp_path / "link.png").symlink_to("x.png")
    (tmp_path / "hard.png").hardlink_to(tmp_path / "x.png")
    (tmp_path / "here").symlink_to(".")
    twice = f"x.png\t1\n./x.png\t1\nlink.png\t1\nhard.png\t1\nhere/x.png\t1\n{tmp_path}/x.png\t1\ny.png\t0\n"
    listed = ImageSet("set", write_list(tmp_path, twice), labels=True)
    assert [(s.name, s.label) for s in samples(listed)] == [("x.png", 1), ("y.png", 0)]
    assert str(left_out(listed)) == "5 that are there twice"
    with pytest.raises(
        ZooError, match=r"line 2: \./x\.png is listed twice, in line 1 as '1' and here as '0'"
    ):
        samples(ImageSet("set", write_list(tmp_path, "x.png\t1\n./x.png\t0"), labels=True))


@pytest.mark.parametrize(
    "line", ["a b\\x.png\t1", "a b/x.png \t 1 ", '"a b/x.png"\t1', "./a b/x.png\t1"], ids=repr
)
def test_a_list_may_spell_names_as_windows_does(tmp_path: Path, line: str) -> None:
    fill(tmp_path, "a b/x.png")
    (found,) = samples(ImageSet("set", write_list(tmp_path, line), labels=True))
    assert (found.name, found.label) == ("a b/x.png", 1)


def test_a_name_with_a_hash_is_no_comment_where_there_is_such_a_file(tmp_path: Path) -> None:
    fill(tmp_path, "#0.png", "x.png")
    listing = write_list(tmp_path, "#0.png\t3\n# x.png\nx.png\t1")
    assert names(ImageSet("set", listing, labels=True)) == ["#0.png", "x.png"]


def test_a_list_in_latin_1_is_named_and_not_its_files(tmp_path: Path) -> None:
    fill(tmp_path, "ü.png")
    (tmp_path / "list.txt").write_bytes("# Bilder\nü.png\t0\n".encode("latin-1"))
    with pytest.raises(ZooError, match=r"list\.txt, line 2: the byte 0xfc is not UTF-8, .* Latin-1"):
        samples(ImageSet("set", tmp_path / "list.txt"))


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files.os, "scandir", refuse)
    with pytest.raises(ZooError, match=r"cannot be read .Permission denied.; mend its permissions"):
        samples(ImageSet("set", tmp_path))


def test_a_list_may_name_classes(tmp_path: Path) -> None:
    fill(tmp_path, "x.png")
    (tmp_path / "classes.txt").write_text("cat\nbig dog\n")
    listing = write_list(tmp_path, "x.png\tbig dog")
    assert samples(ImageSet("s", listing, labels=True, classes=tmp_path / "classes.txt"))[0].label == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x.png\t1\ngone.png\t2", "line 2: .*gone.png"),
        ("x.png 1", "line 1: .*tab, not a space"),
        ("x.png\t1\nx.png\t2", "line 2: x.png is listed twice"),
        ("x.png", "line 1: .*a tab and the class must follow"),
        ("x.png\tcat", "'cat' is not a whole number"),
        ("# nothing\n", "no image"),
    ],
)
def test_a_bad_list_is_refused_by_line(tmp_path: Path, text: str, message: str) -> None:
    fill(tmp_path, "x.png")
    with pytest.raises(ZooError, match="image set holiday: .*" + message):
        samples(ImageSet("holiday", write_list(tmp_path, text), labels=True))


SYNSETS = tuple(f"n0000000{index}" for index in range(8))
EIGHT = ModelClasses(8, (SYNSETS, ("ant", "bee", "cat", "crane", "dog", "eel", "crane", "gnu")))


def labels_of(tmp_path: Path, *files: str, model: ModelClasses = EIGHT, **options) -> dict[str, int | None]:
    fill(tmp_path / "set", *files)
    image_set = ImageSet("set", tmp_path / "set", labels=True, **options)
    return {sample.name: sample.label for sample in samples(image_set, model)}


@pytest.mark.parametrize(
    "folders",
    [
        {"n00000005": 5, "n00000001": 1},  # some of the WordNet ids
        {"dog": 4, "bee": 1},  # some of the labels
        {"7": 7, "003": 3, "0": 0},  # indices
        dict(zip("hgfedcba", reversed(range(8)), strict=True)),  # foreign, and as many as the model has
    ],
    ids=["wordnet", "labels", "indices", "order"],
)
def test_folders_stand_for_the_models_classes(tmp_path: Path, folders: dict[str, int]) -> None:
    found = labels_of(tmp_path, *(f"val/{folder}/x.png" for folder in folders))
    assert found == {f"val/{folder}/x.png": label for folder, label in folders.items()}


def test_names_that_look_like_numbers_are_names_first(tmp_path: Path) -> None:
    model = ModelClasses(3, (("5", "7", "9"),))
    assert labels_of(tmp_path, "9/x.png", "5/y.png", model=model) == {"9/x.png": 2, "5/y.png": 0}


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (["n00000001/x.png", "junk/y.png"], "are of 2 classes, the model has 8, and 'junk' is none of them"),
        (["yak/x.png", "zebra/y.png"], "'yak' is none of them by name or number; rename it"),
        (["dog/x.png", "crane/y.png"], "'crane' is none"),  # there are two
        (["3/x.png", "8/y.png"], r"labels go up to 8, the model has 8 classes \(0 to 7\)"),
    ],
    ids=["stray", "foreign", "ambiguous", "beyond"],
)
def test_folders_that_do_not_match_the_model_are_refused(
    tmp_path: Path, images: list[str], message: str
) -> None:
    with pytest.raises(ZooError, match=f"image set set: .*{message}"):
        labels_of(tmp_path, *images)


def test_a_list_may_use_the_models_names_or_indices(tmp_path: Path) -> None:
    fill(tmp_path, "x.png", "y.png")
    for text, expected in (("x.png\tn00000002\ny.png\tn00000000", [2, 0]), ("x.png\t6\ny.png\t0", [6, 0])):
        listing = ImageSet("s", write_list(tmp_path, text), labels=True)
        assert [sample.label for sample in samples(listing, EIGHT)] == expected
    for text, message in (("x.png\t8\ny.png\t0", "go up to 8"), ("x.png\tyak\ny.png\t0", "'yak' is none")):
        with pytest.raises(ZooError, match=message):
            samples(ImageSet("s", write_list(tmp_path, text), labels=True), EIGHT)


def test_a_class_map_must_fit_the_model_too(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("\n".join(f"k{index}" for index in range(9)))
    with pytest.raises(ZooError, match="labels go up to 8, the model has 8 classes"):
        labels_of(tmp_path, "k1/x.png", "k8/y.png", classes=tmp_path / "classes.txt")


def test_labels_for_a_model_without_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="the model has no classes"):
        labels_of(tmp_path, "a/x.png", model=ModelClasses(0))


def test_links_that_lead_to_nothing_are_counted_and_no_images(tmp_path: Path) -> None:
    fill(tmp_path, "set/a.png", "elsewhere/b.png")
    (tmp_path / "set" / "gone.png").symlink_to(tmp_path / "elsewhere" / "b.png")
    (tmp_path / "set" / "folder").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set" / "notes").symlink_to(tmp_path / "nowhere")
    (tmp_path / "elsewhere" / "b.png").rename(tmp_path / "elsewhere" / "c.png")
    fill(tmp_path, "set/fern.part/a.png")
    (tmp_path / "set" / "b.png.part").write_bytes((tmp_path / "set" / "a.png").read_bytes())
    linked = ImageSet("set", tmp_path / "set")
    assert [sample.name for sample in samples(linked)] == ["a.png", "fern.part/a.png", "folder/c.png"]
    assert str(left_out(linked)) == "1 hidden file or folder, 2 links that lead to nothing"
    assert fingerprint(linked)


def test_what_is_no_file_is_neither_waited_for_nor_read_without_end(tmp_path: Path) -> None:
    fill(tmp_path / "set", "a.png")
    os.mkfifo(tmp_path / "set" / "b.png")
    with pytest.raises(ZooError, match=r"b\.png is a pipe, no regular file"):
        fingerprint(ImageSet("set", tmp_path / "set"))
    (tmp_path / "set" / "b.png").unlink()
    (tmp_path / "set" / "b.png").symlink_to("/dev/zero")
    with pytest.raises(ZooError, match=r"b\.png is a device, no regular file"):
        fingerprint(ImageSet("set", tmp_path / "set"))
    os.mkfifo(tmp_path / "list.txt")
    with pytest.raises(ZooError, match=r"list\.txt is a pipe, no regular file"):
        samples(ImageSet("set", tmp_path / "list.txt"))
    fill(tmp_path / "labelled", "x/a.png", "y/a.png")
    with pytest.raises(ZooError, match=r"list\.txt is a pipe, no regular file"):
        samples(ImageSet("set", tmp_path / "labelled", labels=True, classes=tmp_path / "list.txt"))


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    fill(tmp_path / "set", "a.png")
    (tmp_path / "set" / "a.png").rename(tmp_path / "set" / os.fsdecode(b"caf\xe9.png"))
    with pytest.raises(ZooError, match=r"the name caf\\xe9\.png is not UTF-8; rename it"):
        samples(ImageSet("set", tmp_path / "set"))
    (tmp_path / "list.txt").write_bytes(b"set/caf\xe9.png\n")
    with pytest.raises(ZooError, match=r"list\.txt, line 1: the name set/caf\\xe9\.png is not UTF-8"):
        samples(ImageSet("set", tmp_path / "list.txt"))
