"""What is looked at when a build begins, and what a person sees while it runs and at its end: the lines of
`--logger zoo`, which the profile names, are told what is to run; and the last line of a build says which of the artifacts
that it was asked for are without a proof.
"""

import atexit

from snakemake_logger_plugin_zoo import plan


def tell_plan():
    plan(workflow.dag.needrun_jobs(), workflow.cores)


# The only one: Snakemake calls the last that it reads.
onstart:
    gc.enable()
    tell_plan()
    refuse_mistakes()
    refuse_without_vulkan()
    SENDS and workflow.executor_plugin.name == "slurm" and refuse_unusable()


def tell_unverified():
    """After all that Snakemake says, which says nothing to a build that had nothing to do."""
    for sentence in asked().unverified():
        print(f"note: {sentence}", file=sys.stderr)


if workflow.is_main_process and not (idle or TYPED.dryrun):
    atexit.register(tell_unverified)
