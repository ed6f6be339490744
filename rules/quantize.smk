"""Needs: ncnn's fp32 files and calibration images.
Makes: calibration.npz (statistics of one pass over the images), int8.recipe.json (what becomes of each
layer), int8.param and .bin, and int8.table, the recipe in the format of ncnn's own tools.
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


rule recipe:
    """Choose precision, thresholds and rounding of each layer by its error on the statistics."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        statistics="results/{device}/{model}/calibration.npz",
    output:
        "results/{device}/{model}/int8.recipe.json",
    log:
        "results/logs/recipe/{device}/{model}.log",
    benchmark:
        "results/logs/recipe/{device}/{model}.benchmark.tsv"
    threads: 1
    resources:
        mem_mb=3000,
    params:
        code=code("recipe.py"),
    message:
        "int8 recipe {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/recipe.py"


rule table:
    """Write the recipe as a calibration table, one scale an input."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        statistics="results/{device}/{model}/calibration.npz",
        recipe="results/{device}/{model}/int8.recipe.json",
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
    """Quantize the fp32 files by the recipe."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        recipe="results/{device}/{model}/int8.recipe.json",
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
