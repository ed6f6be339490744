"""Needs: an ncnn artifact whose verification passed.
Makes: <artifact>.deploy.zip: its files, labels, preprocess.json, and programs in C++ and Python that run it.
"""


rule deploy:
    """Pack an artifact with all that another machine needs to run it."""
    input:
        files=files_of(),
        passed="results/{device}/{model}/{artifact}.passed",
        proof="results/{device}/{model}/{artifact}.verify.json",
        card="results/weights/{model}.json",
    output:
        "results/{device}/{model}/{artifact}.deploy.zip",
    log:
        "results/logs/deploy/{device}/{model}/{artifact}.log",
    benchmark:
        "results/logs/deploy/{device}/{model}/{artifact}.benchmark.tsv"
    wildcard_constraints:
        artifact=outputs.constraints(ZOO)["deployable"],
        device=outputs.constraints(ZOO)["any_device"],
    threads: 1
    resources:
        mem_mb=500,
    params:
        code=code("deploy.py", "zoo/deploy/*.j2"),
    message:
        "deploy {wildcards.device}/{wildcards.model}/{wildcards.artifact}"
    script:
        "../scripts/deploy.py"
