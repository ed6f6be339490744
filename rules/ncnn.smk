"""Needs: torchscript.pt.
Makes: ncnn's fp32.param and .bin through pnnx, and from them fp16.param and .bin.
"""


rule ncnn_fp32:
    """Convert TorchScript to ncnn with pnnx, and refuse what ncnn could not run."""
    input:
        torchscript="results/{device}/{model}/torchscript.pt",
        card="results/weights/{model}.json",
    output:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
    log:
        "results/logs/ncnn_fp32/{device}/{model}.log",
    benchmark:
        "results/logs/ncnn_fp32/{device}/{model}.benchmark.tsv"
    threads: 1
    resources:
        mem_mb=by_size(300, 4.2),
        disk_mb=by_size(100, 1.2),
    params:
        code=code("ncnn_fp32.py"),
    message:
        "ncnn fp32 {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/ncnn_fp32.py"


rule ncnn_fp16:
    """Store the weights of the fp32 files as fp16."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
    output:
        param="results/{device}/{model}/fp16.param",
        weights="results/{device}/{model}/fp16.bin",
    log:
        "results/logs/ncnn_fp16/{device}/{model}.log",
    benchmark:
        "results/logs/ncnn_fp16/{device}/{model}.benchmark.tsv"
    threads: 1
    resources:
        mem_mb=by_size(300, 2),
        disk_mb=by_size(100, 0.6),
    params:
        code=code("ncnn_fp16.py"),
    message:
        "ncnn fp16 {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/ncnn_fp16.py"
