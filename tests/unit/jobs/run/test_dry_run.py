"""What is done at the end of a dry run, and what is not done for each of its jobs."""

from types import SimpleNamespace

import pytest

from zoo.jobs.run.dry_run import at_its_end, by_its_message, of_one_job_a_rule


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


class Reason(str):
    def __str__(self) -> str:
        return "because"


def job_of(message: str | None, quiet=(), **rule) -> SimpleNamespace:
    settings = SimpleNamespace(quiet=[SimpleNamespace(name=each) for each in quiet])
    plan = SimpleNamespace(
        jobid=lambda job: 7,
        reason=lambda job: Reason(),
        workflow=SimpleNamespace(output_settings=settings),
    )
    kinds = {"shellcmd": None, "is_checkpoint": False, "is_handover": False}
    return SimpleNamespace(rule=SimpleNamespace(name="verify", **kinds | rule), message=message, dag=plan)


@pytest.fixture
def told(monkeypatch):
    """What Snakemake's logger is told, and the jobs that are told in its own way."""
    import snakemake.cli
    from snakemake import jobs

    records: list[dict] = []
    own: list[object] = []
    monkeypatch.setattr(jobs.logger, "info", lambda text, extra: records.append(extra))
    tell = by_its_message(lambda job, indent, printshellcmd: own.append(job))
    assert snakemake.cli
    return SimpleNamespace(tell=tell, records=records, own=own)


def test_a_job_is_told_by_its_message_and_its_resources_are_not_asked_for(told):
    told.tell(job_of("verify m"))
    told.tell(job_of("verify m", quiet=["REASON"]), indent=True)
    first, second = told.records
    assert (first["rule_msg"], first["jobid"], first["reason"]) == ("verify m", 7, "because")
    assert second["reason"] == "" and second["indent"] and not told.own


@pytest.mark.parametrize("rule", [{}, {"shellcmd": "touch"}, {"is_checkpoint": True}, {"is_handover": True}])
def test_of_a_job_that_shows_more_all_is_told(told, rule):
    told.tell(job := job_of("said" if rule else None, **rule))
    assert told.own == [job] and not told.records


def test_what_is_shown_is_what_snakemakes_own_handlers_show(told):
    from snakemake.logging import DefaultFormatter
    from snakemake.settings.enums import Quietness

    told.tell(job_of("verify m"))
    shown = DefaultFormatter(set()).format_job_info(told.records[0]).splitlines()
    assert shown[1:] == ["Job 7: verify m", "Reason: because"]
    assert len(DefaultFormatter({Quietness.REASON}).format_job_info(told.records[0]).splitlines()) == 2


def test_resources_are_worked_out_for_one_job_of_each_rule_and_outside_of_dry_runs_for_all():
    asked: list[str] = []

    def job(rule: str, number: int) -> SimpleNamespace:
        named = SimpleNamespace(name=rule)
        return SimpleNamespace(rule=named, number=f"{rule} {number}", is_group=lambda: False)

    free = of_one_job_a_rule(lambda scheduler, job: asked.append(job.number))
    jobs = [job(rule, number) for number in range(2) for rule in ("verify", "gate")]
    for each in jobs:
        free(SimpleNamespace(dryrun=True), each)
    assert asked == ["verify 0", "gate 0"]
    together = SimpleNamespace(jobs=jobs, number="group", is_group=lambda: True)
    free(SimpleNamespace(dryrun=True), together)
    assert asked == ["verify 0", "gate 0"]
    for each in jobs:
        free(SimpleNamespace(dryrun=False), each)
    assert len(asked) == 6
