"""Needs: an artifact and the torch outputs, with labels if there are any, for the evaluation images.
Makes: <artifact>.eval.json: accuracy where images are labelled, and agreement with torch.
"""


rule accuracy:
    """Measure an artifact's accuracy and its agreement with the original model."""
    input:
        files=files_of(),
        options=options_of,
        card="results/weights/{model}.json",
        reference="results/reference/{model}/evaluation.npz",
        dataset=dataset_of("evaluation"),
        agent=agent_of,
    output:
        "results/{device}/{model}/{artifact}.eval.json",
    log:
        "results/logs/evaluate/{device}/{model}/{artifact}.log",
    benchmark:
        "results/logs/evaluate/{device}/{model}/{artifact}.benchmark.tsv"
    wildcard_constraints:
        device=patterns.constraints(ZOO)["any_device"],
    group:
        travels(proofs_group)
    # Processes of ncnn, or threads of the other runtimes: see zoo/runners/inference.py.
    threads: 8
    resources:
        mem_mb=by_size(1000, 2, thread=(150, 0.2)),
        gpu=uses_gpu,
        board=uses_board,
    params:
        code=runtime_code("accuracy.py"),
        artifact=artifact_of(),
        images=images_of("evaluation"),
        images_state=images_state_of("evaluation"),
    message:
        "evaluate {wildcards.device}/{wildcards.model}/{wildcards.artifact}"
    script:
        "../scripts/accuracy.py"
