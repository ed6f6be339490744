"""What is remembered, kept once or left out when a plan is made changes nothing in it."""

import re
import shutil
from pathlib import Path

import pytest

from samples.workflow import Zoo

pytestmark = pytest.mark.long(40)
MENDED = "light.lighten(workflow, TYPED.dryrun)\n"


def as_it_is(zoo: Zoo) -> Zoo:
    """A copy whose Snakemake does all that it does."""
    copy = Zoo(zoo.folder.with_name("as_it_is"))
    shutil.copytree(zoo.folder, copy.folder, symlinks=True)
    text = (copy / "rules/run.smk").read_text()
    assert MENDED in text
    (copy / "rules/run.smk").write_text(text.replace(MENDED, ""))
    return copy


def planned(zoo: Zoo, *arguments: str) -> list[list[str]]:
    """The lines of a plan, with why each job is run, in pieces, for the order of jobs and files is chance."""
    outcome = zoo.snakemake("--dry-run", "all", "--config", "devices=[cpu]", "--quiet", "host", *arguments)
    assert outcome.status == 0, outcome.text
    said = [line for line in outcome.text.splitlines() if not line.startswith("[")]
    return sorted(sorted(re.split("[,;:] ", re.sub(r"^Job \d+: ", "", line))) for line in said)


@pytest.mark.parametrize("first", [(), ("results/cpu/one/fp32.passed", "results/cpu/two/fp32.onnx")])
def test_a_plan_is_that_of_snakemake_as_it_is(fresh_zoo: Zoo, first):
    if first:
        fresh_zoo.build(*first)
        (fresh_zoo / "results/cpu/two/fp32.onnx").unlink()
        fresh_zoo.configure(lambda config: config["models"]["one"].update(opset=16))
    other = as_it_is(fresh_zoo)
    found = planned(fresh_zoo)
    assert found == planned(other) and len(found) > 100


def test_all_of_a_job_is_shown_to_whom_asks(fresh_zoo: Zoo):
    found = planned(fresh_zoo, "--printshellcmds")
    assert found == planned(as_it_is(fresh_zoo), "--printshellcmds") and len(found) > 100


RULES = """
import sys
if "{lightened}":
    sys.path.insert(0, {scripts!r})
    from zoo.jobs.run import light
    light.lighten(workflow, "-n" in sys.argv)
rule all:
    input: "x", "y", "z"
rule made:
    output: "a"
    message: "made"
    shell: "touch {{output}}"
rule x:
    input: ancient("a")
    output: "x"
    message: "x"
    shell: "touch {{output}}"
rule y:
    input: "a"
    output: "y"
    message: "y"
    shell: "touch {{output}}"
rule z:
    input: ancient(rules.y.input[0])
    output: "z"
    message: "z"
    shell: "touch {{output}}"
"""


@pytest.mark.parametrize("arguments", [(), ("--consider-ancient", "y=0")])
def test_marks_of_one_job_are_not_those_of_another(tmp_path, arguments):
    plans = []
    for lightened in ("", "lightened"):
        zoo = Zoo(tmp_path / (lightened or "as_it_is"))
        zoo.folder.mkdir()
        scripts = str(Path(__file__).parents[2] / "scripts")
        (zoo / "Snakefile").write_text(RULES.format(lightened=lightened, scripts=scripts))
        assert zoo.typed("--cores", "1").status == 0
        outcome = zoo.typed("--cores", "1", "-n", "--forcerun", "made", *arguments)
        assert outcome.status == 0, outcome.text
        plans.append(sorted(re.findall(r"^Job \d+: (.*)$", outcome.text, re.MULTILINE)))
    assert plans[0] == plans[1] == (["made"] if arguments else ["made", "y", "z"])
