"""What a person sees while it runs: the lines of `--logger zoo`, which the profile names, are told what is to run."""

from snakemake_logger_plugin_zoo import plan


onstart:
    plan(workflow.dag.needrun_jobs(), workflow.cores)
