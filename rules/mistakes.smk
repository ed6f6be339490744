"""What a plan is bound to fail for, told before its first job, or last by a dry run: mistakes in config.yaml and what it
points to, and a missing Vulkan device. Where jobs run on other machines, nothing of what only those know.
"""

from zoo.config import mistakes
from zoo.jobs.run import dry_run
from zoo.targets import processors


def uses_vulkan(job):
    """Whether a job runs ncnn on this machine's GPU."""
    artifact = ARTIFACTS[job.wildcards_dict.get("artifact", "fp32")]
    on_gpu = job.wildcards_dict.get("device") == "gpu" and "gpu" in job.rule.resources
    return on_gpu and artifact.runtime == "ncnn"


def planned_jobs():
    """Those of a dry run, too, for which they are done when it has shown them."""
    return workflow.dag.needrun_jobs(exclude_finished=False)


def refuse_without_vulkan():
    """Say before the first job what the first that needs a Vulkan device would say, minutes from now."""
    if not ON_NODES and any(map(uses_vulkan, planned_jobs())):
        from zoo.runners.vulkan import vulkan_device

        in_a_sentence(about="")(vulkan_device)()


def planned(job):
    params = mistakes.looked_at(job.rule.params, job.wildcards)
    return mistakes.PlannedJob(job.wildcards_dict, params, job.input, job.output)


def refuse_mistakes(always=False):
    """End a build that is bound to fail; of one that can make others of its models, tell the mistakes."""
    if ON_NODES and not workflow.storage_settings.shared_fs_usage:
        return  # files are others there
    processor_fault = (lambda *cpu: "") if ON_NODES else processors.processor_fault
    jobs = map(planned, planned_jobs())
    found = mistakes.of_plan(jobs, ZOO, sources, processor_fault)
    if always or found.hopeless or not workflow.execution_settings.keep_going:
        with in_a_sentence(about=""):
            found.refuse()
    for sentence in found.sentences:
        print(f"note: {sentence}", file=sys.stderr)


def end_dry_run():
    """A plan that would not come to a good end is shown whole, and the reason last."""
    refuse_mistakes(always=True)
    refuse_without_vulkan()


if workflow.is_main_process and TYPED.dryrun:
    dry_run.at_its_end(workflow, end_dry_run)
