"""What is done at the end of a dry run, for which Snakemake has no place: `onstart` is of runs only."""

from collections.abc import Callable
from typing import Any


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
