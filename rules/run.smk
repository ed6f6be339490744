"""What a run of Snakemake does before it plans: it takes all cores unless told otherwise, lets Python lie in any
folder, has jobs share a cache if config.yaml names one, takes over from runs that were killed, and ends where what was made is not what it was.
"""

from zoo.cache import job as shared
from zoo.jobs import lifeline, scratch
from zoo.jobs.run import interpreter, light, owners, slurm

# Not by `cores: all` in a profile: Snakemake would no longer take -j for the number of cores.
if not (workflow.resource_settings.cores or workflow.resource_settings.nodes):
    workflow.resource_settings.cores = len(os.sched_getaffinity(0))
    workflow.register_resource("_cores", workflow.resource_settings.cores)

interpreter.quote_interpreter()
light.lighten(workflow, TYPED.dryrun)
lifeline.of_this_process()
checks = CHECK in sys.argv and typed_targets() == [CHECK]
idle = checks or changes.builds_nothing(sys.argv)
with in_a_sentence(), places.locating(sources):
    note = shared.share(ZOO.cache.folder, ZOO.cache.max_bytes)
if note and workflow.is_main_process:
    print(f"note: {note}{places.located(sources, shared.KEY)}", file=sys.stderr)
if workflow.is_main_process:
    if living := owners.take_over(Path(".snakemake/owners"), Path(".snakemake/locks")):
        print(f"note: {living}; wait for its end, or stop it", file=sys.stderr)
    elif not (idle or TYPED.dryrun) and Path(".snakemake/slurm_logs").exists():
        slurm.cancel_left(Path.cwd())
    scratch.sweep(paths.RESULTS)
    scratch.sweep(paths.LOCKS)
    with in_a_sentence(about=""):
        changes.refuse_changed(ZOO, only_checked=idle)
