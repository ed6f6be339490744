"""A tiny zoo whose results are in storage that speaks S3, see docs/s3.md: any machine continues."""

import importlib.util
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from conftest import require
from samples.workflow import PROJECT, Outcome, Zoo, make_zoo, wait_for_job

if importlib.util.find_spec("moto") and importlib.util.find_spec("snakemake_storage_plugin_s3"):
    from samples.storage import ACCESS_KEY, BUCKET, SECRET_KEY, Storage, storage

pytestmark = pytest.mark.long(240)

PASSED = "results/cpu/one/fp16.passed"
MORE = "results/cpu/one/bf16.param"
LIGHT = "results/weights/one.json"


@pytest.fixture(scope="module")
def place() -> Iterator["Storage"]:
    require("storage" in globals(), "moto, or Snakemake's plugin for S3 (requirements-dev.txt, -s3.txt)")
    with storage() as it:
        yield it


def arguments(prefix: str) -> list[str]:
    where = f"s3://{BUCKET}/{prefix}"
    return ["--workflow-profile", "profiles/s3", "--default-storage-prefix", where, "--cores", "2"]


def built(zoo: Zoo, place: "Storage", prefix: str, *targets: str) -> Outcome:
    return zoo.typed(*arguments(prefix), *targets, **place.environment)


def started(zoo: Zoo, place: "Storage", prefix: str, *targets: str) -> subprocess.Popen[str]:
    """A build in the background, of a process group of its own."""
    return subprocess.Popen(
        [zoo.python, "-m", "snakemake", *arguments(prefix), *targets],
        cwd=zoo.folder,
        env=os.environ | {"OMP_NUM_THREADS": "2"} | place.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def first(place: "Storage", tmp_path_factory: pytest.TempPathFactory) -> tuple[Zoo, Outcome]:
    """A machine that built into storage, and what it said."""
    zoo = make_zoo(tmp_path_factory.mktemp("machine") / "zoo")
    outcome = built(zoo, place, "tiny", PASSED)
    assert outcome.status == 0, outcome.text
    return zoo, outcome


def test_a_second_build_does_nothing_and_fetches_nothing(first: tuple[Zoo, Outcome], place: "Storage"):
    place.sent.clear()
    outcome = built(first[0], place, "tiny", PASSED)
    assert outcome.status == 0 and not outcome.jobs, outcome.text
    assert not [path for path, _ in place.sent if "/results/" in path]


def test_another_machine_continues_with_what_it_needs(
    first: tuple[Zoo, Outcome], place: "Storage", tmp_path: Path
):
    zoo = make_zoo(tmp_path / "zoo")
    assert not built(zoo, place, "tiny", PASSED).jobs
    assert not (zoo / PASSED).exists()
    outcome = built(zoo, place, "tiny", MORE)
    assert outcome.status == 0 and outcome.jobs == {"ncnn bf16 cpu/one"}, outcome.text
    made = {path.name for path in (zoo / "results/cpu/one").iterdir()}
    assert made == {"fp32.param", "fp32.bin", "bf16.param", "bf16.bin"}
    for name in ("fp32.param", "fp32.bin"):
        assert (zoo / f"results/cpu/one/{name}").read_bytes() == (
            first[0] / f"results/cpu/one/{name}"
        ).read_bytes()
    # the first sees what the second did, and both see that the configuration is another
    assert not built(first[0], place, "tiny", MORE).jobs
    zoo.configure(lambda config: config["models"]["one"].update(weights={"random": 5}))
    assert "weights one" in built(zoo, place, "tiny", "--dry-run", MORE).jobs
    # its copies of files that another machine made anew are replaced
    assert built(zoo, place, "tiny", MORE).status == 0
    first[0].configure(lambda config: config["models"]["one"].update(weights={"random": 5}))
    assert not built(first[0], place, "tiny", PASSED, MORE).jobs & {"weights one", "ncnn fp32 cpu/one"}
    shown = (first[0] / "results/cpu/one/fp16.bin").read_bytes()
    assert len(shown) == place.objects()["tiny/results/cpu/one/fp16.bin"]


def test_credentials_are_nowhere(first: tuple[Zoo, Outcome], place: "Storage"):
    zoo, outcome = first
    said = [outcome.text]
    files = [path for path in zoo.folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".log" for path in files)
    said += [path.read_bytes().decode(errors="replace") for path in files]
    for key in place.objects():
        said.append(place.client.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode(errors="replace"))
    assert not any(secret in text for text in said for secret in (ACCESS_KEY, SECRET_KEY))


def test_two_machines_do_not_collide(place: "Storage", tmp_path: Path):
    one, other = (make_zoo(tmp_path / name) for name in ("one", "other"))
    process = started(one, place, "both", PASSED)
    wait_for_job(one, "weights.py")
    outcome = built(other, place, "both", PASSED)
    assert outcome.status == 1 and not outcome.jobs
    assert f"s3://{BUCKET}/both: " in outcome.text and f"in {one.folder} builds there" in outcome.text
    # killed, it is dead at once for who can see that; what it had not told of is made anew
    wait_for_job(one, "torchscript.py")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    outcome = built(other, place, "both", PASSED)
    assert outcome.status == 0 and "torchscript cpu/one" in outcome.jobs, outcome.text
    assert "both/.zoo/lock.json" not in place.objects("both/")


@pytest.mark.parametrize("fault", ["full", "unreachable"])
def test_storage_that_fails_in_the_middle(place: "Storage", tmp_path: Path, fault: str):
    zoo = make_zoo(tmp_path / "zoo")
    process = started(zoo, place, fault, "results/cpu/one/torchscript.pt")
    wait_for_job(zoo, "torchscript.py")
    if fault == "full":
        place.full = f"/{BUCKET}/{fault}"
    else:
        place.stop()
    text, _ = process.communicate(timeout=300)
    if fault == "full":
        place.full = None
    else:
        place.start()
    assert process.returncode == 1, text
    assert f"error: s3://{BUCKET}/{fault}: the storage " in text, text
    assert "Traceback" not in text
    assert f"{fault}/results/cpu/one/torchscript.pt" not in place.objects(fault)
    outcome = built(zoo, place, fault, "results/cpu/one/torchscript.pt")
    assert outcome.status == 0 and "torchscript cpu/one" in outcome.jobs, outcome.text
    assert f"{fault}/results/cpu/one/torchscript.pt" in place.objects(fault)


@pytest.mark.long(150)
def test_a_report_is_made_anew_of_records_not_of_weights(place: "Storage", tmp_path: Path):
    def heavy(folder: Path) -> Zoo:
        zoo = make_zoo(folder)
        entry = {"timm": "resnet18", "weights": {"random": 0}, "preprocess": {"size": [32, 32]}}
        artifacts = ["torchscript", "fp32.onnx", "fp32", "fp16"]
        zoo.configure(lambda config: config.update(models={"heavy": entry}, artifacts=artifacts))
        return zoo

    outcome = built(heavy(tmp_path / "one"), place, "heavy", "all")
    assert outcome.status == 0, outcome.text
    size = sum(place.objects("heavy/results").values())
    other = heavy(tmp_path / "other")
    place.sent.clear()
    outcome = built(other, place, "heavy", "results/report.html", "--forcerun", "report")
    assert outcome.status == 0 and outcome.jobs == {"report"}, outcome.text
    fetched = sum(sent for _, sent in place.sent)
    print(f"{fetched} of {size} bytes")
    assert fetched <= 0.01 * size, sorted(place.sent, key=lambda each: -each[1])[:9]
    assert not list((other / "results/cpu").rglob("*.bin")) and (other / "results/report.html").exists()


def test_what_is_wrong_with_storage_is_told_before_anything_runs(place: "Storage", fresh_zoo: Zoo):
    def refused(**environment: str) -> str:
        outcome = fresh_zoo.typed(*arguments("none"), LIGHT, **place.environment | environment)
        assert outcome.status == 1 and not outcome.jobs and "Traceback" not in outcome.text, outcome.text
        return outcome.text

    nowhere = "http://127.0.0.1:9"
    text = refused(SNAKEMAKE_STORAGE_S3_ENDPOINT_URL=nowhere)
    assert f"s3://{BUCKET}/none: the storage cannot be reached" in text
    assert "no credentials" in refused(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    outcome = fresh_zoo.typed("--workflow-profile", "profiles/s3", "-n", LIGHT, **place.environment)
    assert "s3://your-bucket/your-zoo: there is no such bucket" in outcome.text
    (fresh_zoo / "results").unlink()
    (fresh_zoo / "results").mkdir()
    (fresh_zoo / "results/file").touch()
    assert "results/ has files that were built without storage" in refused()


def test_the_profile_says_what_that_of_one_machine_says():
    here, there = (
        yaml.safe_load((PROJECT / f"profiles/{name}/config.yaml").read_text()) for name in ("default", "s3")
    )
    assert here.items() <= there.items()
