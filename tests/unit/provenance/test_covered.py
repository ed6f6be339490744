"""What the manifest is about, and what a build was asked for."""

from pathlib import Path

import pytest

from zoo.config.artifacts import BY_NAME
from zoo.config.asked import Asked
from zoo.config.outputs.paths import MANIFEST, SBOM
from zoo.config.outputs.patterns import possible
from zoo.config.zoo import Zoo
from zoo.images.sets import NOTES
from zoo.provenance.covered import ON_THE_WAY, Covered, described, found, is_left_out, settings

ZOO = Zoo.of(
    {
        "models": {
            "here": {"timm": "resnet18", "weights": {"random": 0}},
            "hub": {"timm": "convnext_atto.d2_in1k"},
        },
        "image_sets": {"others": {"path": "others"}},
        "defaults": {"evaluation": {"set": "others"}},
    }
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked(*targets: str) -> Covered:
    return Covered(Asked(ZOO, targets), lambda: ("cpu",))


def put(path: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("")


def test_what_users_want_is_described_and_what_jobs_leave_for_jobs_is_not():
    paths = set(described(ZOO))
    assert {
        "results/weights/here.safetensors",
        "results/cpu/here/int8.bin",
        "results/gpu/hub/int8.table",
        "results/cpu/here/fp16.deploy.zip",
        "results/cpu/here/int8.verify.json",
        "results/cpu/here/README.md",
        "results/report.html",
        SBOM,
    } <= paths
    for left_out in ("manifest.json", "cpu/here/int8.passed", "cpu/here/calibration.npz", "logs/report.log"):
        assert is_left_out(left_out) and f"results/{left_out}" not in paths
    for kept in (
        ".made/cpu/here/int8.bin",
        "cpu/here/.partial-1/int8.bin",
        ".partial-1/zoo.csv",
        ".made-by/zoo.csv.json",
        "cpu/here/search/local.bin",
        "site/models/here.html",
    ):
        assert is_left_out(kept)
    assert is_left_out(f"{NOTES.relative_to('results')}/ab12"), "what is remembered of the user's files"
    for stranger in ("cpu/here/stranger.bin", "cpu/here/.stranger", ".git/config", "cpu/here/.git/config"):
        assert not is_left_out(stranger) and not is_left_out(stranger, ())


def test_what_is_there_is_described_and_what_is_asked_for_by_name():
    put("results/cpu/here/fp32.bin")
    put("results/cpu/undeclared/fp32.bin")
    assert set(asked(MANIFEST).files()) == {"results/cpu/here/fp32.bin", SBOM}
    assert "results/cpu/hub/int8.bin" in asked(MANIFEST, "results/cpu/hub/int8.bin").files()


def test_all_and_embedded_are_described_with_what_they_build():
    embedded, whole = set(asked("embedded").files()), set(asked("all").files())
    assert {"results/cpu/here/int8.bin", "results/cpu/here/int8.verify.json"} <= embedded < whole
    assert "results/cpu/hub/int8.bin" in whole - embedded and MANIFEST not in whole
    assert not [path for path in whole if "/gpu/" in path]
    renamed = Covered(Asked(ZOO, ("zoo_all",), lambda name: f"zoo_{name}"), lambda: ("cpu",))
    assert set(renamed.files()) == whole


def test_a_second_build_of_everything_has_the_same_files():
    before = asked("embedded").files()
    for path in before:
        put(path)
    for path in (
        "results/gpu/here/torchscript.pt",
        "results/cpu/here/int8.deploy.zip",
        "results/weights/here.json",
    ):
        put(path)
    both = Covered(Asked(ZOO, ("embedded",)), lambda: ("cpu", "gpu"))
    assert "results/gpu/here/torchscript.pt" not in both.files(), "made on the way to fp32"
    assert set(asked("embedded").files()) - set(before) == {
        "results/cpu/here/int8.deploy.zip",
        "results/gpu/here/torchscript.pt",
    }


def test_all_that_a_build_of_everything_makes_is_known_before_it_starts():
    """What is neither described then nor made on the way is made only if it is asked for by name."""
    first = asked("embedded").files()
    paths = [path for path in described(ZOO) if path.startswith("results/cpu/here/")]
    others = {Path(path).name for path in paths} - {Path(path).name for path in first} - {*ON_THE_WAY}
    by_name = (*BY_NAME, "vendor_bundle.zip", "best.", "fp16.recipe.json")
    assert {
        name
        for name in others
        if not name.startswith(by_name) and not name.endswith(("deploy.zip", ".options.json"))
    } == set()


def test_what_is_found_is_what_rules_make_and_is_not_left_out():
    for name in ("cpu/here/torchscript.pt", "cpu/here/mine.bin", "cpu/here/int8.passed", "cpu/gone/fp32.bin"):
        put(f"results/{name}")
    assert found(Path("results"), possible(ZOO)) == [Path("results/cpu/here/torchscript.pt")]


def test_devices_are_looked_for_only_when_models_are_built_whole():
    assert Covered(Asked(ZOO, (MANIFEST,)), lambda: pytest.fail("asked")).files() == [SBOM]


def test_a_card_is_about_the_proofs_of_its_folder():
    put("results/gpu/here/int8.verify.json")
    put("results/cpu/hub/int8.verify.json")
    assert asked("results/gpu/here/README.md").proofs("gpu", "here") == ["results/gpu/here/int8.verify.json"]
    built = asked("embedded").proofs("cpu", "here")
    assert "results/cpu/here/fp32.eval.json" in built and not [path for path in built if "hub" in path]


def test_settings_are_those_in_effect():
    values = settings(ZOO)["here"]
    assert values["opset"] == 17 and values["spec"]["weights"]["kind"] == "random"
    assert (values["calibration"], values["evaluation"]) == (None, {"set": "others"})
