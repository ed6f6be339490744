"""Convert TorchScript to ncnn with pnnx, and check the outcome."""

from pathlib import Path

from zoo.export.ncnn import to_ncnn
from zoo.images.inputs import Feed
from zoo.jobs.records import read_json
from zoo.jobs.reporting import reporting


def main(torchscript: str, card: str, param: str, weights: str) -> None:
    described = read_json(card)
    outputs = len(described["outputs"])
    to_ncnn(Path(torchscript), Feed.of(described), outputs, Path(param), Path(weights))


if __name__ == "__main__":
    files, made = snakemake.input, snakemake.output
    with reporting(snakemake.log[0], "ncnn fp32 {device}/{model}".format(**snakemake.wildcards)):
        main(files.torchscript, files.card, made.param, made.weights)
