"""Convert TorchScript to ncnn with pnnx, and check the outcome."""

import logging
from pathlib import Path

from zoo.files import replacing
from zoo.job import reporting
from zoo.ncnn_check import load_checked
from zoo.ncnn_graph import read_graph, unique_names, write_param
from zoo.pnnx import convert
from zoo.records import read_json


def main(torchscript: str, card: str, param_out: str, weights_out: str) -> None:
    shape = (1, *read_json(card)["input"])
    with replacing(param_out, weights_out) as (param, weights):
        logging.info("%s", convert(Path(torchscript), shape, param, weights))
        # pnnx may give two layers one name, and later stages tell layers apart by name.
        write_param(unique_names(read_graph(param, weights)), param)
        load_checked(param, weights)


if __name__ == "__main__":
    files, made = snakemake.input, snakemake.output
    with reporting(snakemake.log[0], "ncnn fp32 {device}/{model}".format(**snakemake.wildcards)):
        main(files.torchscript, files.card, made.param, made.weights)
