"""What is looked at when a build begins, and what a person sees while it runs and at its end: the lines of
`--logger zoo`, which the profile names, are told what is to run; and the last line of a build says which of the artifacts
that it was asked for are without a proof.
"""

import atexit

from snakemake_logger_plugin_zoo import plan


def tell_plan():
    plan(workflow.dag.needrun_jobs(), workflow.cores)


def uses_vulkan(job):
    """Whether a job runs ncnn on this machine's GPU."""
    artifact = ARTIFACTS[job.wildcards_dict.get("artifact", "fp32")]
    on_gpu = job.wildcards_dict.get("device") == "gpu" and "gpu" in job.rule.resources
    return on_gpu and artifact.runtime == "ncnn"


def refuse_without_vulkan():
    """Say before the first job what the first that needs a Vulkan device would say, minutes from now."""
    if any(map(uses_vulkan, workflow.dag.needrun_jobs())):
        from zoo.runners.vulkan import vulkan_device

        with in_a_sentence(about=""):
            vulkan_device()


# The only one: Snakemake calls the last that it reads.
onstart:
    gc.enable()
    tell_plan()
    SENDS or refuse_without_vulkan()
    SENDS and workflow.executor_plugin.name == "slurm" and refuse_unusable()


def tell_unverified():
    """After all that Snakemake says, which says nothing to a build that had nothing to do."""
    for sentence in asked().unverified():
        print(f"note: {sentence}", file=sys.stderr)


if workflow.is_main_process and not (idle or TYPED.dryrun):
    atexit.register(tell_unverified)
