"""What is asked for where jobs run on a cluster, see docs/scale.md: which of them travel together, and that the
nodes have what the build was planned with. Where they run on this machine nothing of it is done.
"""

import os
from datetime import datetime

from zoo.jobs.run import environment, slurm, verdicts

BEGUN = datetime.now()
TARGETS = "NCNN_ZOO_TARGETS"
TYPED = get_argument_parser().parse_known_args()[0]
# Only an executor that sends jobs elsewhere takes a number of these beside the cores.
ON_NODES = workflow.resource_settings.nodes is not None
SENDS = ON_NODES and not TYPED.dryrun


def travels(named):
    """The jobs of one model on one device that are submitted as one. A profile speaks of all models' groups by
    this name: `group-components: {measure: 1000}`. named: the name, or a function of wildcards that gives it.
    """

    def of_job(wc):
        group = named(wc) if callable(named) else named
        device = next(
            (wc[key] for key in ("device", "target", "timed") if key in wc.keys()),
            "cpu",
        )
        name = f"{group}_{device}_{wc.model}"
        workflow.parent_groupids[name] = group
        return name

    return of_job if SENDS else None


def proofs_group(wc):
    """The proofs of an artifact travel with what makes it, unless its options are found in between."""
    return "prove" if options_of(wc) else ARTIFACTS[wc.artifact].stage


def asked_targets():
    """What the build was asked for, whose jobs on other machines are asked for nothing but themselves; while rules
    are read, what was typed."""
    here = (
        os.environ.get(TARGETS, "").split("\n")
        if workflow.remote_exec
        else (workflow.dag_settings or TYPED).targets or []
    )
    return list(filter(None, here)) or [workflow.default_target]


def refuse_unusable():
    """Ask Slurm whether it takes what all jobs ask for, and what the timed ones do."""
    settings = workflow.resource_settings
    named = {
        **(settings.default_resources or {}),
        **settings.overwrite_resources.get("bench", {}),
    }
    asked = {name: named[name].raw.strip("'") for name in slurm.ASKED if name in named}
    with in_a_sentence(about=""):
        slurm.refuse_unusable(settings.cores, asked)


def refuse_unfinished():
    """A build is no success with jobs that were never sent: Snakemake stops where a group waits for itself."""
    left = (
        sorted({job.rule.name for job in workflow.dag.needrun_jobs()}) if SENDS else []
    )
    if left:
        raise WorkflowError(
            f"jobs of {', '.join(left)} were not sent; run the same command again"
        )


def tell_ended():
    """Say which jobs a scheduler ended for want of memory or time, and how much they had asked for."""
    for each in slurm.ended(Path.cwd(), BEGUN) if SENDS else []:
        print(f"error: {each}", file=sys.stderr)


# In a job, too, the Snakefile is read: first by what sends it through the scheduler, then by what runs it.
if workflow.remote_exec:
    with in_a_sentence(about=""):
        environment.refuse_other()
    sent = " ".join(sorted(map(str, TYPED.target_jobs)))
    if said := verdicts.begin(Path(".snakemake/verdicts"), sent, TYPED.attempt):
        raise WorkflowError(f"not tried again: {said}")
    granted = slurm.granted()
    for name, most in granted.items() if not SENDS else ():
        workflow.register_resource(name, most)
elif SENDS:
    environment.hand_over()
    slurm.look_again_soon()
    os.environ[TARGETS] = "\n".join(map(str, TYPED.targets or []))
    if "board" not in workflow.global_resources:
        workflow.register_resource("board", 1)
