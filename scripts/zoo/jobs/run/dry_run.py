"""What is done at the end of a dry run, for which Snakemake has no place: `onstart` is of runs only; and what
is not done for each of its jobs, of which it shows no more than a sentence.
"""

import sys
from collections.abc import Callable
from typing import Any

from zoo.jobs.run.remembered import replace

OWN_HANDLER = "snakemake_logger_plugin_zoo"
"""The module of the handler that shows a job by its message, as Snakemake's own does."""


def at_its_end(workflow: Any, check: Callable[[], None]) -> None:
    """Call `check` once a dry run has shown its plan. What it raises is told, and ends the run, as that of a
    plan that cannot be made.

    workflow: Snakemake's; by `log_provenance_info` it says the last of the jobs of a plan, unless it is asked
    for --quiet and no more: then it would end before.
    """
    output = workflow.output_settings
    if {each.name for each in output.quiet or ()} == {"RULES", "PROGRESS"}:
        kinds = type(next(iter(output.quiet)))
        output.quiet = {*output.quiet, kinds.REASON}
    said: Callable[[], None] = workflow.log_provenance_info

    def said_and_checked() -> None:
        said()
        check()

    workflow.log_provenance_info = said_and_checked


def lighten(workflow: Any) -> None:
    """Let a dry run of this process work out what it shows of its jobs. Snakemake works out all that a logger
    may ask for, resources among them, a fifth of the time of a plan of 100 models. Resources are still
    worked out for one job of each rule; what is wrong with those of another is told when it starts."""
    others = [
        each
        for each in workflow.logger_manager.plugin_handlers
        if type(each).__module__.split(".")[0] != OWN_HANDLER
    ]
    if not others and not workflow.output_settings.printshellcmds:
        replace("snakemake.jobs", "Job.log_info", by_its_message)
    replace("snakemake.scheduling.job_scheduler", "JobScheduler._free_resources", of_one_job_a_rule)


def by_its_message(tell: Callable[..., None]) -> Callable[..., None]:
    """How Snakemake tells what a job is about to do; of one that has a message, and runs nothing that a dry
    run may show beside it, the message alone, and why it is run."""

    def told(job: Any, indent: bool = False, printshellcmd: bool = True) -> None:
        rule = job.rule
        if rule.shellcmd or rule.is_checkpoint or rule.is_handover or not (message := job.message):
            tell(job, indent=indent, printshellcmd=printshellcmd)
            return
        number, own = job.dag.jobid(job), sys.modules["snakemake.jobs"]
        quiet = {each.name for each in job.dag.workflow.output_settings.quiet or ()}
        shown = {
            "event": own.LogEvent.JOB_INFO,
            "jobid": number,
            "rule_name": rule.name,
            "rule_msg": message,
            "reason": "" if quiet & {"REASON", "ALL"} else str(job.dag.reason(job)),
            "indent": indent,
        }
        own.logger.info(f" Rule: {rule.name}, Jobid: {number}", extra=shown)

    return told


def of_one_job_a_rule(free: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """How Snakemake takes back what a job took of the resources, which in a dry run is nothing."""
    looked_at: set[str] = set()

    def freed(scheduler: Any, job: Any) -> None:
        rules = {each.rule.name for each in (job.jobs if job.is_group() else [job])}
        if not scheduler.dryrun or not rules <= looked_at:
            looked_at.update(rules)
            free(scheduler, job)

    return freed
