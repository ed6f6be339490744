"""Pack a verified ncnn artifact with the programs that run it."""

from pathlib import Path

from zoo.deploy.bundle import write_bundle
from zoo.jobs.records import read_json
from zoo.jobs.reporting import reporting


def main(card: str, device: str, artifact: str, param: str, weights: str, target: str) -> None:
    write_bundle(read_json(card), device, artifact, Path(param), Path(weights), Path(target))


if __name__ == "__main__":
    files, names = snakemake.input, snakemake.wildcards
    with reporting(snakemake.log[0], "deploy {device}/{model}/{artifact}".format(**names)):
        main(files.card, names.device, names.artifact, *files.files, snakemake.output[0])
