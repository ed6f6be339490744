"""Needs: ncnn's fp32 files, calibration statistics, and the held-out part of the calibration images.
Makes: search/: fp32's answers, a plan for each layer, what each layer costs, recipes to try, and for each of
these what it does to the model's answers, its latency and its size; int8.search.json: all of that, and which
one is taken.
"""


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
        travels("plan")
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


checkpoint candidates:
    """Decide which recipes are tried: those of the search, or the one that the configuration names."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        recipe="results/{device}/{model}/search/local.recipe.json",
        statistics="results/{device}/{model}/calibration.npz",
        sensitivity="results/{device}/{model}/search/sensitivity.json",
        pinned=of_model(lambda model: own_files(model.settings.int8.pinned)),
    output:
        "results/{device}/{model}/search/candidates.json",
    log:
        "results/logs/candidates/{device}/{model}.log",
    benchmark:
        "results/logs/candidates/{device}/{model}.benchmark.tsv"
    group:
        travels("plan")
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


rule candidate:
    """Quantize by a candidate's recipe; compare with fp32 on the held-out calibration images."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        card="results/weights/{model}.json",
        statistics="results/{device}/{model}/calibration.npz",
        recipes="results/{device}/{model}/search/candidates.json",
        reference="results/{device}/{model}/search/reference.npz",
        dataset=dataset_of("calibration"),
    output:
        param=temp("results/{device}/{model}/search/{candidate}.param"),
        weights=temp("results/{device}/{model}/search/{candidate}.bin"),
        trial="results/{device}/{model}/search/{candidate}.trial.json",
    log:
        "results/logs/candidate/{device}/{model}/{candidate}.log",
    benchmark:
        "results/logs/candidate/{device}/{model}/{candidate}.benchmark.tsv"
    group:
        travels("try")
    threads: 1
    resources:
        mem_mb=by_size(600, 2.5),
        disk_mb=by_size(100, 0.4),
        gpu=uses_gpu,
    params:
        code=ncnn_code("candidate.py"),
        artifact=artifact_of("int8"),
        images=images_of("calibration"),
        images_state=images_state_of("calibration"),
    message:
        "int8 candidate {wildcards.device}/{wildcards.model}/{wildcards.candidate}"
    script:
        "../scripts/candidate.py"


rule latency:
    """Time a candidate and, in turn with it, ncnn's fp32; alone on the machine."""
    input:
        param="results/{device}/{model}/search/{candidate}.param",
        weights="results/{device}/{model}/search/{candidate}.bin",
        fp32=files_of("fp32"),
        card="results/weights/{model}.json",
    output:
        "results/{device}/{model}/search/{candidate}.latency.json",
    log:
        "results/logs/latency/{device}/{model}/{candidate}.log",
    benchmark:
        "results/logs/latency/{device}/{model}/{candidate}.benchmark.tsv"
    group:
        travels("try")
    # All cores: nothing else may run beside a measurement.
    threads: lambda wc: workflow.cores
    resources:
        mem_mb=by_size(500, 2.6),
        gpu=uses_gpu,
    params:
        code=ncnn_code("latency.py"),
        artifact=artifact_of("int8"),
    message:
        "latency {wildcards.device}/{wildcards.model}/{wildcards.candidate}"
    script:
        "../scripts/latency.py"


rule search:
    """Gather what was measured of the candidates, and choose one; write it whatever the verdict."""
    input:
        trials=lambda wc: of_candidates(wc, "trial"),
        latencies=lambda wc: of_candidates(wc, "latency"),
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
        travels("try")
    threads: 1
    resources:
        mem_mb=grown(200),
    params:
        code=code("search.py"),
        target=of_model(lambda model: model.settings.int8.target.to_dict()),
        objective=of_model(lambda model: model.settings.int8.objective),
    message:
        "int8 search {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/search.py"
