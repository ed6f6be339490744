"""Needs: ncnn's fp32 files and calibration images.
Makes: calibration.npz (statistics of one pass over the images), int8.table in ncnn's own format, and
int8.param and .bin.
"""


rule calibrate:
    """Run the fp32 ncnn model once over the calibration images and keep statistics of layer inputs."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        card="results/weights/{model}.json",
        dataset=lambda wc: dataset_of(wc, "calibration"),
    output:
        "results/{device}/{model}/calibration.npz",
    log:
        "results/logs/calibrate/{device}/{model}.log",
    benchmark:
        "results/logs/calibrate/{device}/{model}.benchmark.tsv"
    threads: 2
    resources:
        mem_mb=4000,
    params:
        code=code("calibrate.py"),
        images=lambda wc: image_set(wc, "calibration"),
        images_state=lambda wc: images_state(wc, "calibration"),
    message:
        "calibrate {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/calibrate.py"


rule table:
    """Derive the calibration table from the statistics."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        statistics="results/{device}/{model}/calibration.npz",
    output:
        "results/{device}/{model}/int8.table",
    log:
        "results/logs/table/{device}/{model}.log",
    benchmark:
        "results/logs/table/{device}/{model}.benchmark.tsv"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        code=code("table.py"),
    message:
        "calibration table {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/table.py"


rule int8:
    """Quantize the fp32 files with the calibration table, and correct the biases by the statistics."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        table="results/{device}/{model}/int8.table",
        statistics="results/{device}/{model}/calibration.npz",
    output:
        param="results/{device}/{model}/int8.param",
        weights="results/{device}/{model}/int8.bin",
    log:
        "results/logs/int8/{device}/{model}.log",
    benchmark:
        "results/logs/int8/{device}/{model}.benchmark.tsv"
    threads: 1
    resources:
        mem_mb=3000,
    params:
        code=code("int8.py"),
    message:
        "int8 {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/int8.py"
