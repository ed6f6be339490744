"""What is done at the end of a dry run."""

from types import SimpleNamespace

import pytest

from zoo.jobs.run.dry_run import at_its_end


class Workflow:
    """As much of Snakemake's as is needed."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.output_settings = SimpleNamespace(quiet=None)

    def log_provenance_info(self) -> None:
        self.done.append("plan")


def test_the_plan_is_shown_before_it_is_judged():
    workflow = Workflow()
    at_its_end(workflow, lambda: workflow.done.append("check"))
    workflow.log_provenance_info()
    assert workflow.done == ["plan", "check"]


def test_what_the_check_raises_ends_the_run():
    workflow = Workflow()

    def check() -> None:
        raise RuntimeError("no")

    at_its_end(workflow, check)
    with pytest.raises(RuntimeError):
        workflow.log_provenance_info()
    assert workflow.done == ["plan"]


def test_a_quiet_dry_run_does_not_end_before():
    import snakemake.cli  # which alone can load the others
    from snakemake.settings.enums import Quietness

    workflow = Workflow()
    for quiet in ({Quietness.RULES, Quietness.PROGRESS}, {Quietness.RULES}):
        workflow.output_settings.quiet = quiet
        at_its_end(workflow, lambda: None)
        assert snakemake.cli and workflow.output_settings.quiet == quiet | (
            {Quietness.REASON} if len(quiet) == 2 else set()
        )


def test_snakemake_has_the_place():
    import snakemake.cli
    from snakemake.workflow import Workflow as Snakemakes

    assert snakemake.cli and callable(Snakemakes.log_provenance_info)
