"""Store the weights of an fp32 ncnn model as a byte each, in codebooks."""

from zoo.codebook import to_w8
from zoo.job import reporting
from zoo.ncnn_check import load_checked
from zoo.ncnn_graph import write_graph


def main(param: str, weights: str, param_out: str, weights_out: str) -> None:
    write_graph(to_w8(load_checked(param, weights)), param_out, weights_out)


if __name__ == "__main__":
    files, made = snakemake.input, snakemake.output
    with reporting(snakemake.log[0], "w8 {device}/{model}".format(**snakemake.wildcards)):
        main(files.param, files.weights, made.param, made.weights)
