"""Convert TorchScript to ncnn with pnnx, and check the outcome."""

from pathlib import Path

from zoo.export.ncnn import Target, to_ncnn
from zoo.images.inputs import Feed
from zoo.jobs.records import read_json
from zoo.jobs.reporting import reporting


def main(*, torchscript: str, card: str, param: str, weights: str) -> None:
    described = read_json(card)
    outputs = len(described["outputs"])
    target = Target(described["name"], Feed.of(described), outputs, Path(param), Path(weights))
    to_ncnn(Path(torchscript), target)


if __name__ == "__main__":
    with reporting(snakemake.log[0], "ncnn fp32 {device}/{model}".format(**snakemake.wildcards)):
        main(
            torchscript=snakemake.input.torchscript,
            card=snakemake.input.card,
            param=snakemake.output.param,
            weights=snakemake.output.weights,
        )
