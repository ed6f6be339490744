"""Needs: what the search for int8 on the CPU planned, calibration statistics, the masks for a target, and its agent.
Makes: what each of the same candidates does there to the model's answers, and its latency where that can be measured;
int8.search.json of the target, with the one that is taken for it; and the int8 files by that recipe.
"""

on_target = patterns.constraints(ZOO)["target"]
searched = models_that(lambda model: not model.settings.int8.lock)


masks_there = lambda wc: inputs.fp16_recipe(ZOO, wc.device, wc.model, "int8")


rule trials_on_target:
    """Quantize by each candidate's recipe; compare on the target with what fp32 answers here, and time it there."""
    input:
        param="results/cpu/{model}/fp32.param",
        weights="results/cpu/{model}/fp32.bin",
        card="results/weights/{model}.json",
        statistics="results/cpu/{model}/calibration.npz",
        recipes="results/cpu/{model}/search/candidates.json",
        reference="results/cpu/{model}/search/reference.npz",
        fp32=lambda wc: files_of("fp32")(wc) if devices.is_timed(ZOO, wc.device) else [],
        dataset=dataset_of("calibration"),
        masks=masks_there,
        agent=agent_of,
    output:
        "results/{device}/{model}/search/trials.json",
    log:
        "results/logs/trials/{device}/{model}.log",
    benchmark:
        "results/logs/trials/{device}/{model}.benchmark.tsv"
    wildcard_constraints:
        device=on_target,
        model=searched,
    group:
        travels("search")
    threads: 2
    resources:
        mem_mb=by_size(800, 2, thread=(250, 2.5)),
        disk_mb=by_size(100, 6),
        board=uses_board,
    params:
        code=code(
            "trials.py",
            "zoo/runners/on_target/runner.py",
            "zoo/measure/board/benchmark.py",
        ),
        release=changes.release("ncnn"),
        artifact=artifact_of("int8"),
        images=images_of("calibration"),
        images_state=images_state_of("calibration"),
    message:
        "int8 trials {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/trials.py"


rule search_on_target:
    """Gather what was measured of the candidates there, and choose one; write it whatever the verdict."""
    input:
        trials="results/{device}/{model}/search/trials.json",
        recipes="results/cpu/{model}/search/candidates.json",
        sensitivity="results/cpu/{model}/search/sensitivity.json",
        fp32=lambda wc: paths.artifact_files("cpu", wc.model, "fp32"),
    output:
        "results/{device}/{model}/int8.search.json",
    log:
        "results/logs/search/{device}/{model}.log",
    benchmark:
        "results/logs/search/{device}/{model}.benchmark.tsv"
    wildcard_constraints:
        device=on_target,
        model=searched,
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


rule int8_on_target:
    """Quantize the fp32 files by the recipe that was chosen for a target; fail, in a sentence, if none was."""
    input:
        param="results/cpu/{model}/fp32.param",
        weights="results/cpu/{model}/fp32.bin",
        statistics="results/cpu/{model}/calibration.npz",
        search="results/{device}/{model}/int8.search.json",
        recipes="results/cpu/{model}/search/candidates.json",
        sensitivity="results/cpu/{model}/search/sensitivity.json",
        masks=masks_there,
    output:
        param="results/{device}/{model}/int8.param",
        weights="results/{device}/{model}/int8.bin",
        table="results/{device}/{model}/int8.table",
        recipe="results/{device}/{model}/int8.recipe.json",
    log:
        "results/logs/int8/{device}/{model}.log",
    benchmark:
        "results/logs/int8/{device}/{model}.benchmark.tsv"
    wildcard_constraints:
        device=on_target,
        model=searched,
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
