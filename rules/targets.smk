"""Needs: an artifact as it was made for the CPU; a compiler, and an emulator where this machine is no target itself.
Makes: results/targets/<architecture>/agent, the program that runs artifacts on a target; in a target's folder, the
files that it has of those of the CPU, with masks on layers that must not compute in float16 there, and
<artifact>.bench.json where it can be timed: what else is proven of them there, the rules of proofs make. And empties
what boards keep.
"""


rule arm64:
    """The embedded models, proven on every emulated target that config.yaml declares."""
    input:
        lambda wc: on_targets(ZOO, ZOO.embedded),
    message:
        "the embedded models are verified on all emulated targets"


rule agent:
    """Compile the agent against ncnn's own source; the cache of this machine may have it."""
    output:
        "results/targets/{architecture}/agent",
    log:
        "results/logs/agent/{architecture}.log",
    benchmark:
        "results/logs/agent/{architecture}.benchmark.tsv"
    # All cores: it takes minutes, and what needs it waits.
    threads: lambda wc: workflow.cores
    resources:
        mem_mb=grown(2000),
        disk_mb=grown(400),
    params:
        code=code("agent.py", "zoo/targets/agent/*", "zoo/targets/ncnn/*"),
        release=changes.release("ncnn"),
        requirements=str(HOME / "requirements.txt"),
        layers=ZOO.agent_layers,
    message:
        "agent for {wildcards.architecture}"
    script:
        "../scripts/agent.py"


rule for_target:
    """Take an artifact's files as they are for the CPU, but for the masks of its layers on a target."""
    input:
        files=lambda wc: paths.artifact_files("cpu", wc.model, wc.deployable),
        masks=lambda wc: inputs.fp16_recipe(ZOO, wc.target, wc.model, wc.deployable),
    output:
        param="results/{target}/{model}/{deployable}.param",
        weights="results/{target}/{model}/{deployable}.bin",
    log:
        "results/logs/for_target/{target}/{model}/{deployable}.log",
    benchmark:
        "results/logs/for_target/{target}/{model}/{deployable}.benchmark.tsv"
    wildcard_constraints:
        deployable=patterns.one_of(
            name for name in patterns.wildcards(ZOO)["deployable"] if name != "int8"
        ),
    group:
        travels("ncnn")
    threads: 1
    resources:
        mem_mb=grown(300),
    params:
        code=code("for_target.py"),
    message:
        "take {wildcards.model}/{wildcards.deployable} for {wildcards.target}"
    script:
        "../scripts/for_target.py"


rule int8_for_target:
    """Take int8 of a lock, which was chosen for the CPU, but for the masks of its layers on a target."""
    input:
        files=lambda wc: paths.artifact_files("cpu", wc.model, "int8"),
        table="results/cpu/{model}/int8.table",
        recipe="results/cpu/{model}/int8.recipe.json",
        masks=lambda wc: inputs.fp16_recipe(ZOO, wc.target, wc.model, "int8"),
    output:
        param="results/{target}/{model}/int8.param",
        weights="results/{target}/{model}/int8.bin",
        table="results/{target}/{model}/int8.table",
        recipe="results/{target}/{model}/int8.recipe.json",
    log:
        "results/logs/for_target/{target}/{model}/int8.log",
    benchmark:
        "results/logs/for_target/{target}/{model}/int8.benchmark.tsv"
    wildcard_constraints:
        model=models_that(lambda model: model.settings.int8.lock),
    group:
        travels("int8")
    threads: 1
    resources:
        mem_mb=grown(300),
    params:
        code=code("for_target.py"),
    message:
        "take {wildcards.model}/int8 for {wildcards.target}"
    script:
        "../scripts/for_target.py"


rule bench_on_target:
    """Time an artifact on a target and, in turn with it, ncnn's fp32; nobody else works there meanwhile."""
    input:
        files=lambda wc: paths.artifact_files(wc.timed, wc.model, wc.deployable),
        options=lambda wc: options.records(ZOO, wc.timed, wc.model, wc.deployable),
        fp32=lambda wc: paths.artifact_files(wc.timed, wc.model, "fp32"),
        card="results/weights/{model}.json",
        agent=lambda wc: devices.agent(ZOO, wc.timed),
    output:
        "results/{timed}/{model}/{deployable}.bench.json",
    log:
        "results/logs/bench_on_target/{timed}/{model}/{deployable}.log",
    benchmark:
        "results/logs/bench_on_target/{timed}/{model}/{deployable}.benchmark.tsv"
    group:
        travels("measure")
    threads: 1
    resources:
        mem_mb=grown(300),
        board=1,
    params:
        code=code("bench_on_target.py"),
        release=changes.release("ncnn"),
        artifact=lambda wc: devices.artifact_values(
            ZOO, wc.timed, wc.model, wc.deployable
        ),
    message:
        "benchmark {wildcards.timed}/{wildcards.model}/{wildcards.deployable}"
    script:
        "../scripts/bench_on_target.py"


rule empty_boards:
    """Take away what boards keep: the agent, and the artifacts that it ran."""
    input:
        devices.board_agents(ZOO),
    log:
        "results/logs/empty_boards.log",
    retries: 0
    localrule: True
    # Without a file of its own it runs each time, and a benchmark would be one.
    threads: 1
    resources:
        mem_mb=300,
        board=1,
    params:
        boards=devices.boards(ZOO),
    message:
        "empty the boards of config.yaml"
    script:
        "../scripts/empty_boards.py"
