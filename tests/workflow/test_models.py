"""`snakemake MODEL`: a model, its proofs and what to ship; and files that were asked for without a proof."""

import zipfile

import pytest
import yaml

from samples.workflow import Zoo

pytestmark = pytest.mark.long(20)


@pytest.mark.long(60)
def test_a_model_is_built_by_its_name_with_its_proofs_and_its_bundle(fresh_zoo: Zoo):
    fresh_zoo.configure(lambda config: config["models"]["one"].update(artifacts=["fp32"]))
    outcome = fresh_zoo.typed("one")
    assert outcome.status == 0, outcome.text
    assert "one is built and verified: see results/report.html" in outcome.text
    folder = fresh_zoo / "results/cpu/one"
    assert {path.name for path in folder.glob("*.passed")} == {"fp32.passed"}
    assert any(name.endswith(".param") for name in zipfile.ZipFile(folder / "best.deploy.zip").namelist())
    assert not (fresh_zoo / "results/cpu/two").exists()
    rows = (fresh_zoo / "results/zoo.csv").read_text().splitlines()[1:]
    assert rows and all(",one," in f",{row}" for row in rows)
    assert "best.deploy.zip" in (fresh_zoo / "results/manifest.json").read_text()
    assert "Nothing to be done" in fresh_zoo.typed("one").text


def test_a_model_called_as_a_target_is_refused_with_its_line(fresh_zoo: Zoo):
    config = yaml.safe_load((fresh_zoo / "config.yaml").read_text())
    config["models"] = {"arm64": config["models"].pop("one")}
    (fresh_zoo / "config.yaml").write_text(yaml.safe_dump(config))
    outcome = fresh_zoo.typed("arm64")
    assert outcome.status != 0
    assert (
        "models: arm64: a model cannot be called arm64, for `snakemake arm64` makes something" in outcome.text
    )
    assert "(config.yaml, line " in outcome.text and len(outcome.text.strip().splitlines()) <= 3, outcome.text


def test_the_last_line_says_which_file_is_unverified_and_what_proves_it(zoo: Zoo):
    said = "note: results/cpu/one/fp16.param is not verified: snakemake results/cpu/one/fp16.passed"
    outcome = zoo.typed("results/cpu/one/fp16.param")
    assert outcome.status == 0 and outcome.text.rstrip().splitlines()[-1] == said
    (zoo / "results/cpu/one/fp16.param").unlink()
    assert zoo.typed("results/cpu/one/fp16.param").text.rstrip().splitlines()[-1] == said
    assert "not verified" not in zoo.typed("results/cpu/one/int8.param").text
