"""Needs: ncnn's fp32 files, calibration images, and, on a target, its agent.
Makes: fp16.recipe.json: which layers must not compute in float16 on a device, where that is asked for: by default on
targets. The files with masks on these layers are made where files are made.
"""


rule fp16_recipe:
    """Find the layers that overflow in float16 on the device, or lose the answer there; measure what masks do."""
    input:
        fp32=files_of("fp32"),
        card="results/weights/{model}.json",
        dataset=dataset_of("calibration"),
        agent=agent_of,
    output:
        "results/{device}/{model}/fp16.recipe.json",
    log:
        "results/logs/fp16_recipe/{device}/{model}.log",
    benchmark:
        "results/logs/fp16_recipe/{device}/{model}.benchmark.tsv"
    wildcard_constraints:
        device=patterns.constraints(ZOO)["any_device"],
    group:
        travels("ncnn")
    threads: 2
    resources:
        mem_mb=by_size(1200, 2.5),
        disk_mb=by_size(100, 2.5),
        gpu=uses_gpu,
        board=uses_board,
    params:
        code=lambda wc: changes.runtime_code_state(
            SCRIPTS, "fp16_recipe.py", devices.runner(ZOO, wc.device, "fp16")
        ),
        artifact=artifact_of("fp16"),
        wanted=lambda wc: ZOO.models[wc.model].fp16_wanted(wc.device),
        images=images_of("calibration"),
        images_state=images_state_of("calibration"),
    message:
        "fp16 recipe {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/fp16_recipe.py"
