"""Needs: ncnn's fp32 files, calibration statistics, and the held-out part of the calibration images.
Makes: search/: fp32's answers, a plan for each layer, what each layer costs, recipes to try, and what each of
these does to the model's answers, its latency and its size; int8.search.json: all of that, and which one is
taken.
"""

makes = lambda path: any(each.is_producer(path) for each in workflow.rules)


rule answers:
    """Run the fp32 files on the held-out calibration images: int8 is compared with what they answer."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        card="results/weights/{model}.json",
        dataset=dataset_of("calibration"),
    output:
        "results/{device}/{model}/search/reference.npz",
    log:
        "results/logs/answers/{device}/{model}.log",
    benchmark:
        "results/logs/answers/{device}/{model}.benchmark.tsv"
    group:
        travels("ncnn")
    threads: 2
    resources:
        mem_mb=by_size(500, 2.2),
        gpu=uses_gpu,
    params:
        code=ncnn_code("answers.py"),
        artifact=artifact_of("fp32"),
        images=images_of("calibration"),
        images_state=images_state_of("calibration"),
    message:
        "fp32 answers {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/answers.py"


rule sensitivity:
    """Plan each layer by its local error; measure what each does to the model when only it is int8."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        card="results/weights/{model}.json",
        statistics="results/{device}/{model}/calibration.npz",
        dataset=dataset_of("calibration"),
    output:
        recipe="results/{device}/{model}/search/local.recipe.json",
        sensitivity="results/{device}/{model}/search/sensitivity.json",
    log:
        "results/logs/sensitivity/{device}/{model}.log",
    benchmark:
        "results/logs/sensitivity/{device}/{model}.benchmark.tsv"
    group:
        travels("search")
    # All cores: the layers are timed.
    threads: lambda wc: workflow.cores
    resources:
        mem_mb=by_size(500, 2.2, thread=(250, 2.9)),
        disk_mb=by_size(100, 0.5, thread=(0, 0.9)),
        gpu=uses_gpu,
    params:
        code=ncnn_code("sensitivity.py"),
        images=images_of("calibration"),
        images_state=images_state_of("calibration"),
    message:
        "sensitivity {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/sensitivity.py"


rule candidates:
    """Decide which recipes are tried: those of the search, or the one that the configuration names."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        recipe="results/{device}/{model}/search/local.recipe.json",
        statistics="results/{device}/{model}/calibration.npz",
        sensitivity="results/{device}/{model}/search/sensitivity.json",
        pinned=of_model(lambda model: own_files(inputs.pinned(model, makes))),
    output:
        "results/{device}/{model}/search/candidates.json",
    log:
        "results/logs/candidates/{device}/{model}.log",
    benchmark:
        "results/logs/candidates/{device}/{model}.benchmark.tsv"
    group:
        travels("search")
    threads: 1
    resources:
        mem_mb=by_size(400, 1.8),
    params:
        code=code("candidates.py"),
        int8=of_model(lambda model: model.settings.int8.choice()),
        pinned_state=of_model(changes.pinned_state),
    message:
        "int8 candidates {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/candidates.py"


rule trials:
    """Quantize by each candidate's recipe; compare with fp32 on held-out calibration images, and time it beside fp32."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        card="results/weights/{model}.json",
        statistics="results/{device}/{model}/calibration.npz",
        recipes="results/{device}/{model}/search/candidates.json",
        reference="results/{device}/{model}/search/reference.npz",
        fp32=files_of("fp32"),
        dataset=dataset_of("calibration"),
    output:
        "results/{device}/{model}/search/trials.json",
    log:
        "results/logs/trials/{device}/{model}.log",
    benchmark:
        "results/logs/trials/{device}/{model}.benchmark.tsv"
    group:
        travels("search")
    # All cores: nothing else may run beside a measurement.
    threads: lambda wc: workflow.cores
    resources:
        mem_mb=by_size(800, 2, thread=(250, 2.5)),
        # Some sixteen candidates at a time.
        disk_mb=by_size(100, 6),
        gpu=uses_gpu,
    params:
        code=ncnn_code("trials.py"),
        artifact=artifact_of("int8"),
        images=images_of("calibration"),
        images_state=images_state_of("calibration"),
    message:
        "int8 trials {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/trials.py"


rule search:
    """Gather what was measured of the candidates, and choose one; write it whatever the verdict."""
    input:
        trials="results/{device}/{model}/search/trials.json",
        recipes="results/{device}/{model}/search/candidates.json",
        sensitivity="results/{device}/{model}/search/sensitivity.json",
        fp32=files_of("fp32"),
    output:
        report(
            "results/{device}/{model}/int8.search.json",
            "report/search.rst",
            category="Search for int8",
            subcategory="{model}",
            labels={"device": "{device}"},
        ),
    log:
        "results/logs/search/{device}/{model}.log",
    benchmark:
        "results/logs/search/{device}/{model}.benchmark.tsv"
    wildcard_constraints:
        model=models_that(lambda model: not model.settings.int8.lock),
    group:
        travels("search")
    threads: 1
    resources:
        mem_mb=grown(300),
    params:
        code=code("search.py"),
        target=of_model(lambda model: model.settings.int8.target.to_dict()),
        objective=of_model(lambda model: model.settings.int8.objective),
    message:
        "int8 search {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/search.py"
