"""Needs: an ncnn artifact whose verification passed; for a target's program also a compiler, and ncnn's source.
Makes: <artifact>.deploy.zip: its files, labels, preprocess.json, and programs in C++ and Python that run it; and, by
name, the one in C++ compiled for a target: <artifact>.program, and <artifact>.program.json that says its size.
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
        artifact=patterns.constraints(ZOO)["deployable"],
        device=patterns.constraints(ZOO)["any_device"],
    group:
        travels("ship")
    threads: 1
    resources:
        mem_mb=grown(500),
    params:
        code=code("deploy.py", "zoo/deploy/*.j2", "zoo/targets/ncnn/*.cmake"),
    message:
        "deploy {wildcards.device}/{wildcards.model}/{wildcards.artifact}"
    script:
        "../scripts/deploy.py"


rule program:
    """Compile the program of a bundle for a target: one static file, with as much of ncnn as the artifact needs."""
    input:
        "results/{target}/{model}/{bundled}.deploy.zip",
    output:
        program="results/{target}/{model}/{bundled}.program",
        record="results/{target}/{model}/{bundled}.program.json",
    log:
        "results/logs/program/{target}/{model}/{bundled}.log",
    benchmark:
        "results/logs/program/{target}/{model}/{bundled}.benchmark.tsv"
    group:
        travels("ship")
    # All cores: ncnn is compiled.
    threads: lambda wc: workflow.cores
    resources:
        mem_mb=grown(2000),
        disk_mb=grown(400),
    params:
        code=code("program.py"),
        release=changes.release("ncnn"),
        requirements=str(HOME / "requirements.txt"),
        architecture=lambda wc: ZOO.targets[wc.target].architecture,
    message:
        "program {wildcards.target}/{wildcards.model}/{wildcards.bundled}"
    script:
        "../scripts/program.py"
