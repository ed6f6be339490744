"""What a run of Snakemake does before it plans; only rules/run.smk calls it."""
