"""Needs: torchscript.pt, or fp32.onnx for a model that is an ONNX file.
Makes: ncnn's fp32.param and .bin through pnnx with fp32.conversion.json, which says by which way, and from
them those of fp16 and bf16.
"""


rule ncnn_fp32:
    """Convert TorchScript to ncnn, by the first way that gives what torch gives."""
    input:
        source="results/{device}/{model}/torchscript.pt",
        card="results/weights/{model}.json",
    output:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        record="results/{device}/{model}/fp32.conversion.json",
    log:
        "results/logs/ncnn_fp32/{device}/{model}.log",
    benchmark:
        "results/logs/ncnn_fp32/{device}/{model}.benchmark.tsv"
    wildcard_constraints:
        model=models_that(lambda model: model.spec.library != "onnx"),
    group:
        travels("ncnn")
    threads: 1
    resources:
        mem_mb=by_size(1200, 5),
        # The last of the ways has the files of those before it beside its own.
        disk_mb=by_size(100, 5.2),
    params:
        code=code("ncnn_fp32.py"),
        pictures=inputs.conversion_pictures(HOME),
    message:
        "ncnn fp32 {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/ncnn_fp32.py"


rule ncnn_from_onnx:
    """Convert an ONNX file to ncnn, by the first way that gives what onnxruntime gives."""
    input:
        source="results/{device}/{model}/fp32.onnx",
        card="results/weights/{model}.json",
    output:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        record="results/{device}/{model}/fp32.conversion.json",
    log:
        "results/logs/ncnn_fp32/{device}/{model}.log",
    benchmark:
        "results/logs/ncnn_fp32/{device}/{model}.benchmark.tsv"
    wildcard_constraints:
        model=models_that(lambda model: model.spec.library == "onnx"),
    group:
        travels("ncnn")
    threads: 1
    resources:
        mem_mb=by_size(1200, 9),
        # 4.0 times by the second way, whose files lie beside those of the first.
        disk_mb=by_size(100, 5.2),
    params:
        code=code("ncnn_fp32.py"),
        pictures=inputs.conversion_pictures(HOME),
    message:
        "ncnn fp32 {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/ncnn_fp32.py"


rule ncnn_fp16:
    """Store the weights of the fp32 files as fp16."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        masks=lambda wc: inputs.fp16_recipe(ZOO, wc.device, wc.model, "fp16"),
    output:
        param="results/{device}/{model}/fp16.param",
        weights="results/{device}/{model}/fp16.bin",
    log:
        "results/logs/ncnn_fp16/{device}/{model}.log",
    benchmark:
        "results/logs/ncnn_fp16/{device}/{model}.benchmark.tsv"
    group:
        travels("ncnn")
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


rule ncnn_bf16:
    """Store the weights of the fp32 files as bf16."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
    output:
        param="results/{device}/{model}/bf16.param",
        weights="results/{device}/{model}/bf16.bin",
    log:
        "results/logs/ncnn_bf16/{device}/{model}.log",
    benchmark:
        "results/logs/ncnn_bf16/{device}/{model}.benchmark.tsv"
    group:
        travels("ncnn")
    threads: 1
    resources:
        mem_mb=by_size(300, 4),
    params:
        code=code("ncnn_bf16.py"),
    message:
        "ncnn bf16 {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/ncnn_bf16.py"
