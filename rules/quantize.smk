"""Needs: ncnn's fp32 files and calibration images; for int8, what the search chose.
Makes: calibration.npz (statistics of one pass over the images); int8.param and .bin, int8.recipe.json (what
became of each layer), int8.table (the recipe in the format of ncnn's own tools), int8.sensitivity.json;
w8.param and .bin; w6 and w4 likewise, with w6.recipe.json and w4.recipe.json.
"""


rule calibrate:
    """Run ncnn's fp32 once over the calibration images and keep statistics of layer inputs, or merge shards'."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        card="results/weights/{model}.json",
        dataset=dataset_of("calibration"),
        shards=lambda wc: paths.calibration_shards(wc.device, ZOO.models[wc.model]),
    output:
        "results/{device}/{model}/calibration.npz",
    log:
        "results/logs/calibrate/{device}/{model}.log",
    benchmark:
        "results/logs/calibrate/{device}/{model}.benchmark.tsv"
    group:
        travels("ncnn")
    threads: 2
    resources:
        mem_mb=by_size(400, 1.6, thread=(200, 1.5)),
    params:
        code=ncnn_code("calibrate.py"),
        images=images_of("calibration"),
        images_state=images_state_of("calibration"),
    message:
        "calibrate {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/calibrate.py"


rule calibrate_shard:
    """Calibrate on every n-th image, beside other jobs that take the others."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        card="results/weights/{model}.json",
        dataset=dataset_of("calibration"),
    output:
        temp("results/{device}/{model}/search/calibration-{shard}-of-{shards}.npz"),
    log:
        "results/logs/calibrate/{device}/{model}-{shard}-of-{shards}.log",
    benchmark:
        "results/logs/calibrate/{device}/{model}-{shard}-of-{shards}.benchmark.tsv"
    group:
        travels("ncnn")
    threads: 2
    resources:
        mem_mb=by_size(400, 1.6, thread=(200, 1.5)),
    params:
        code=ncnn_code("calibrate.py"),
        images=images_of("calibration"),
        images_state=images_state_of("calibration"),
    message:
        "calibrate {wildcards.device}/{wildcards.model}, shard {wildcards.shard} of {wildcards.shards}"
    script:
        "../scripts/calibrate.py"


rule int8:
    """Quantize the fp32 files by the recipe that the search chose; fail, in a sentence, if it chose none."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        statistics="results/{device}/{model}/calibration.npz",
        search="results/{device}/{model}/int8.search.json",
        recipes="results/{device}/{model}/search/candidates.json",
        sensitivity="results/{device}/{model}/search/sensitivity.json",
    output:
        param="results/{device}/{model}/int8.param",
        weights="results/{device}/{model}/int8.bin",
        table="results/{device}/{model}/int8.table",
        recipe="results/{device}/{model}/int8.recipe.json",
        sensitivity="results/{device}/{model}/int8.sensitivity.json",
    log:
        "results/logs/int8/{device}/{model}.log",
    benchmark:
        "results/logs/int8/{device}/{model}.benchmark.tsv"
    wildcard_constraints:
        model=models_that(lambda model: not model.settings.int8.lock),
    group:
        travels("int8")
    threads: 1
    resources:
        mem_mb=by_size(400, 2.4),
        disk_mb=by_size(100, 0.4),
    params:
        code=code("int8.py"),
    message:
        "int8 {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/int8.py"


rule w8:
    """Store the weights of the fp32 files as a byte each, in codebooks, as calibration says."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        statistics="results/{device}/{model}/calibration.npz",
    output:
        param="results/{device}/{model}/w8.param",
        weights="results/{device}/{model}/w8.bin",
    log:
        "results/logs/w8/{device}/{model}.log",
    benchmark:
        "results/logs/w8/{device}/{model}.benchmark.tsv"
    group:
        travels("ncnn")
    threads: 1
    resources:
        mem_mb=by_size(400, 4),
    params:
        code=code("w8.py"),
    message:
        "w8 {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/w8.py"


rule few_bits:
    """Store weights of linear layers and attention in 4, 6 or 8 bits, for a size that is asked for."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        card="results/weights/{model}.json",
        statistics="results/{device}/{model}/calibration.npz",
        reference="results/{device}/{model}/search/reference.npz",
        dataset=dataset_of("calibration"),
    output:
        param="results/{device}/{model}/{precision}.param",
        weights="results/{device}/{model}/{precision}.bin",
        recipe="results/{device}/{model}/{precision}.recipe.json",
        trial="results/{device}/{model}/{precision}.trial.json",
    log:
        "results/logs/few_bits/{device}/{model}/{precision}.log",
    benchmark:
        "results/logs/few_bits/{device}/{model}/{precision}.benchmark.tsv"
    wildcard_constraints:
        precision=patterns.one_of(FEW_BITS),
    group:
        travels("ncnn")
    threads: 2
    resources:
        mem_mb=by_size(500, 4, thread=(250, 2.9)),
        disk_mb=by_size(100, 0.5, thread=(0, 0.9)),
    params:
        code=ncnn_code("few_bits.py"),
        artifact=lambda wc: artifact_of(wc.precision)(wc),
        max_size=lambda wc: ZOO.models[wc.model].max_size(wc.precision),
        images=images_of("calibration"),
        images_state=images_state_of("calibration"),
    message:
        "{wildcards.precision} {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/few_bits.py"
