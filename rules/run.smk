"""What a run of Snakemake does before it plans: it takes all cores unless told otherwise, and takes over from
runs that were killed: their locks, and their temporary files; and it looks whether files were changed.
"""

from zoo.jobs import lifeline, owners, scratch

# Not by `cores: all` in a profile: Snakemake would no longer take -j for the number of cores.
if not (workflow.resource_settings.cores or workflow.resource_settings.nodes):
    workflow.resource_settings.cores = len(os.sched_getaffinity(0))
    workflow.register_resource("_cores", workflow.resource_settings.cores)

lifeline.of_this_process()
if workflow.is_main_process:
    if living := owners.take_over(Path(".snakemake/owners"), Path(".snakemake/locks")):
        print(f"note: {living}; wait for its end, or stop it", file=sys.stderr)
    scratch.sweep(outputs.RESULTS)
    with in_a_sentence(about=""):
        changes.refuse_changed(ZOO, CHECK in sys.argv and typed_targets() == [CHECK])
