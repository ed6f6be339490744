"""Needs: for models whose entry says int8: {lock: true}, ncnn's fp32 files, and a lock, or what makes one.
Makes: locks/<device>/<model>.json and .delta where there is no lock: what the search chose, from what, and the
int8 files that came out; and from these the files that quantize.smk makes of other models.
"""


use rule search as search_to_lock with:
    output:
        "results/{device}/{model}/search/outcome.json",
    wildcard_constraints:
        model=models_that(lambda model: model.settings.int8.lock),


rule lock:
    """Keep what the search chose; fail, in a sentence, if it chose none. A lock that is there stays."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        card="results/weights/{model}.json",
        statistics="results/{device}/{model}/calibration.npz",
        search="results/{device}/{model}/search/outcome.json",
        recipes="results/{device}/{model}/search/candidates.json",
        sensitivity="results/{device}/{model}/search/sensitivity.json",
        dataset=dataset_of("calibration"),
    output:
        lock=local("locks/{device}/{model}.json"),
        difference=local("locks/{device}/{model}.delta"),
    log:
        "results/logs/lock/{device}/{model}.log",
    benchmark:
        "results/logs/lock/{device}/{model}.benchmark.tsv"
    wildcard_constraints:
        device=patterns.unlocked_device(ZOO),
        model=models_that(lambda model: model.settings.int8.lock),
    group:
        travels("int8")
    threads: 1
    resources:
        mem_mb=by_size(500, 4),
        disk_mb=by_size(100, 0.8),
    params:
        code=code("lock.py"),
        settings=of_model(changes.lock_settings),
        images=images_of("calibration"),
        images_state=images_state_of("calibration"),
    message:
        "lock int8 {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/lock.py"


rule int8_locked:
    """Make int8 of the fp32 files by a lock; fail, in a sentence, if it is for other files or settings."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        card="results/weights/{model}.json",
        lock=lambda wc: inputs.lock_inputs(wc.device, wc.model),
        dataset=dataset_of("calibration"),
    output:
        param="results/{device}/{model}/int8.param",
        weights="results/{device}/{model}/int8.bin",
        table="results/{device}/{model}/int8.table",
        recipe="results/{device}/{model}/int8.recipe.json",
        search="results/{device}/{model}/int8.search.json",
        sensitivity="results/{device}/{model}/int8.sensitivity.json",
    log:
        "results/logs/int8/{device}/{model}.log",
    benchmark:
        "results/logs/int8/{device}/{model}.benchmark.tsv"
    wildcard_constraints:
        model=models_that(lambda model: model.settings.int8.lock),
    group:
        travels("int8")
    threads: 1
    resources:
        mem_mb=by_size(500, 4),
        disk_mb=by_size(100, 0.4),
    params:
        code=code("int8_locked.py"),
        files=lambda wc: paths.lock_files(wc.device, wc.model),
        settings=of_model(changes.lock_settings),
        images=images_of("calibration"),
        images_state=images_state_of("calibration"),
    message:
        "int8 {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/int8_locked.py"
