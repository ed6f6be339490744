"""A signature by a command of the user's."""

from pathlib import Path

import pytest

from zoo.errors import ZooError
from zoo.provenance import signing
from zoo.provenance.signing import sign, wrong_signature

HASH = "sha256sum < {manifest} > {signature}"
CONFIRM = "sha256sum < {manifest} | cmp -s - {signature}"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    folder = tmp_path / "a folder; with 'signs"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    return folder / "manifest.json"


def signature(manifest: Path) -> Path:
    return manifest.with_name("manifest.json.sig")


def test_what_the_command_writes_is_the_signature_and_another_command_confirms_it(manifest: Path):
    sign(HASH, manifest, signature(manifest))
    assert wrong_signature(CONFIRM, manifest, signature(manifest)) is None
    manifest.write_text("{} ")
    sentence = wrong_signature(CONFIRM, manifest, signature(manifest))
    assert sentence and "does not confirm" in sentence and "ended with status 1" in sentence


def test_the_signature_may_be_written_by_its_name_beside_the_manifest(manifest: Path):
    sign("echo mine > {manifest}.sig", manifest, signature(manifest))
    assert signature(manifest).read_text() == "mine\n"


def test_the_command_cannot_change_what_it_signs(manifest: Path):
    sign("echo x >> {manifest}; echo y > {signature}", manifest, signature(manifest))
    assert manifest.read_text() == "{}"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("echo half > {signature}; echo why >&2; exit 2; {manifest}", "ended with status 2, why"),
        ("true {manifest}", "wrote no signature"),
        (": > {signature}; true {manifest}", "wrote no signature"),
        ("no-such-program {manifest}", "ended with status 127"),
        (None, "no command signs the manifest"),
    ],
)
def test_a_command_that_does_not_sign_is_a_sentence_and_leaves_nothing(manifest, command, message):
    if command:
        signature(manifest).write_text("an older one")
    with pytest.raises(ZooError, match=message):
        sign(command, manifest, signature(manifest))
    assert [path.name for path in manifest.parent.iterdir()] == ["manifest.json"]


def test_a_command_that_waits_is_ended(manifest: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(signing, "SECONDS", 0.2)
    with pytest.raises(ZooError, match=r"did not end within 0\.2 s"):
        sign("sleep 60; {manifest}", manifest, signature(manifest))


def test_no_signature_is_told(manifest: Path):
    assert "is missing" in str(wrong_signature(CONFIRM, manifest, signature(manifest)))
