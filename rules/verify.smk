"""Needs: an artifact, the torch outputs for the verification images; for an ncnn artifact, ncnn's fp32 files;
and, of what a search chose, its outcome and the images and answers that it judged by.
Makes: <artifact>.verify.json, whatever the verdict; and <artifact>.passed, or a failure in a sentence.
"""


rule verify:
    """Check an artifact's files, compare its outputs with torch, find the layer where it diverges."""
    input:
        files=files_of(),
        options=options_of,
        fp32=lambda wc: inputs.layer_reference(wc.device, wc.model, wc.artifact),
        search=if_searched(
            lambda wc: inputs.judgement(ZOO, wc.device, wc.model, wc.artifact)
        ),
        calibration=if_searched(dataset_of("calibration")),
        card="results/weights/{model}.json",
        masks=lambda wc: inputs.fp16_recipe(ZOO, wc.device, wc.model, wc.artifact),
        reference="results/reference/{model}/verification.npz",
        dataset=dataset_of("verification"),
        agent=agent_of,
    output:
        report(
            "results/{device}/{model}/{artifact}.verify.json",
            "report/verification.rst",
            category="Verification",
            subcategory="{model}",
            labels={"device": "{device}", "artifact": "{artifact}"},
        ),
    log:
        "results/logs/verify/{device}/{model}/{artifact}.log",
    benchmark:
        "results/logs/verify/{device}/{model}/{artifact}.benchmark.tsv"
    wildcard_constraints:
        device=patterns.constraints(ZOO)["any_device"],
    group:
        travels(proofs_group)
    threads: 2
    resources:
        mem_mb=by_size(1200, 2.5),
        gpu=uses_gpu,
        board=uses_board,
    params:
        code=runtime_code("verify.py"),
        artifact=artifact_of(),
        gates=lambda wc: ZOO.models[wc.model].gates(
            ARTIFACTS[wc.artifact].precision, wc.device
        ),
        opset=lambda wc: ZOO.models[wc.model].opset_of(wc.artifact),
        images=images_of("verification"),
        images_state=images_state_of("verification"),
        search_images=if_searched(images_of("calibration")),
    message:
        "verify {wildcards.device}/{wildcards.model}/{wildcards.artifact}"
    script:
        "../scripts/verify.py"


rule gate:
    """Fail, in a sentence, if verification found an artifact below its gates, or its files are others now."""
    input:
        files=files_of(),
        proof="results/{device}/{model}/{artifact}.verify.json",
    output:
        "results/{device}/{model}/{artifact}.passed",
    log:
        "results/logs/gate/{device}/{model}/{artifact}.log",
    benchmark:
        "results/logs/gate/{device}/{model}/{artifact}.benchmark.tsv"
    wildcard_constraints:
        device=patterns.constraints(ZOO)["any_device"],
    retries: 0
    localrule: True
    threads: 1
    resources:
        mem_mb=300,
    params:
        code=code("gate.py"),
    message:
        "gate {wildcards.device}/{wildcards.model}/{wildcards.artifact}"
    script:
        "../scripts/gate.py"
