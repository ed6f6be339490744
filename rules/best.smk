"""Needs: the ncnn artifacts of a model on a device, verified whatever the verdict, and timed.
Makes: best.json: which of them to ship there, and why; best.param and best.bin, that artifact under a name of its
own; best.deploy.zip: the same with the programs that run it.
"""

contenders = lambda proof: lambda wc: inputs.contenders(ZOO, wc.device, wc.model, proof)


rule best:
    """Choose the artifact to ship: of those that pass their gates, by the objective of `best`."""
    input:
        files=in_a_sentence()(contenders("")),
        verifications=contenders("verify.json"),
        benchmarks=contenders("bench.json"),
    output:
        record="results/{device}/{model}/best.json",
        param="results/{device}/{model}/best.param",
        weights="results/{device}/{model}/best.bin",
    log:
        "results/logs/best/{device}/{model}.log",
    benchmark:
        "results/logs/best/{device}/{model}.benchmark.tsv"
    wildcard_constraints:
        device=patterns.constraints(ZOO)["any_device"],
    retries: 0
    localrule: True
    threads: 1
    resources:
        mem_mb=300,
    params:
        code=code("best.py"),
        asked=of_model(lambda model: asdict(model.settings.best)),
    message:
        "choose the best of {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/best.py"


rule best_bundle:
    """Pack the artifact to ship with all that another machine needs to run it."""
    input:
        files=in_a_sentence()(contenders("")),
        verifications=contenders("verify.json"),
        record="results/{device}/{model}/best.json",
        card="results/weights/{model}.json",
    output:
        "results/{device}/{model}/best.deploy.zip",
    log:
        "results/logs/deploy/{device}/{model}/best.log",
    benchmark:
        "results/logs/deploy/{device}/{model}/best.benchmark.tsv"
    wildcard_constraints:
        device=patterns.constraints(ZOO)["any_device"],
    group:
        travels("ship")
    threads: 1
    resources:
        mem_mb=grown(500),
    params:
        code=code("best_bundle.py", "zoo/deploy/*.j2", "zoo/targets/ncnn/*.cmake"),
    message:
        "deploy {wildcards.device}/{wildcards.model}/best"
    script:
        "../scripts/best_bundle.py"
