"""Needs: an ncnn artifact of a model whose options are said, by hand or by asking for a search; for the latter the
held-out part of the calibration images, and what ncnn's fp32 answers for it.
Makes: <artifact>.options.json: what is set of ncnn's options for the artifact on the device, and what was tried.
"""

options_of = lambda wc: options.records(ZOO, wc.device, wc.model, wc.artifact)
options_searched = lambda wc: options.searched(ZOO, wc.device, wc.model)
options_timed_here = lambda wc: options_searched(wc) and wc.device in DEVICES
if_options_searched = lambda of: lambda wc: of(wc) if options_searched(wc) else []


rule runtime_options:
    """Choose what is set of ncnn's options for an artifact: alone on the machine, where they are timed."""
    input:
        files=files_of(),
        reference=lambda wc: options.judgement(ZOO, wc.device, wc.model),
        dataset=if_options_searched(dataset_of("calibration")),
        card="results/weights/{model}.json",
        agent=if_options_searched(lambda wc: devices.agent(ZOO, wc.device)),
    output:
        "results/{device}/{model}/{artifact}.options.json",
    log:
        "results/logs/options/{device}/{model}/{artifact}.log",
    benchmark:
        "results/logs/options/{device}/{model}/{artifact}.benchmark.tsv"
    wildcard_constraints:
        artifact=patterns.constraints(ZOO)["deployable"],
        device=patterns.constraints(ZOO)["any_device"],
    group:
        travels("options")
    # All cores: nothing else may run beside a measurement.
    threads: lambda wc: workflow.cores if options_timed_here(wc) else 1
    resources:
        mem_mb=by_size(800, 4.8),
        gpu=lambda wc: uses_gpu(wc) if options_timed_here(wc) else 0,
        board=lambda wc: board_of(wc) if options_searched(wc) else 0,
    params:
        code=runtime_code("runtime_options.py"),
        artifact=artifact_of(),
        asked=lambda wc: in_a_sentence(about="")(options.asked)(
            ZOO, wc.device, wc.model, wc.artifact
        ),
        gates=lambda wc: ZOO.models[wc.model].gates(
            ARTIFACTS[wc.artifact].precision, wc.device
        ),
        images=if_options_searched(images_of("calibration")),
        images_state=if_options_searched(images_state_of("calibration")),
    message:
        "options of {wildcards.device}/{wildcards.model}/{wildcards.artifact}"
    script:
        "../scripts/runtime_options.py"
