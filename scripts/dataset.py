"""Write a packaged data set as an image folder."""

from pathlib import Path
from typing import Any

from zoo.images.datasets import write_dataset
from zoo.jobs.reporting import reporting

snakemake: Any

if __name__ == "__main__":
    with reporting(snakemake.log[0], f"dataset {snakemake.wildcards.dataset}", snakemake):
        write_dataset(snakemake.wildcards.dataset, Path(snakemake.output[0]))
