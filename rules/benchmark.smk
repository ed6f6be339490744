"""Needs: an artifact, and ncnn's fp32 files of the same model to time beside it.
Makes: <artifact>.bench.json: latency, frames per second, sizes, peak memory, and the hardware by name.
"""


rule bench:
    """Time an artifact and, in turn with it, ncnn's fp32; alone on the machine."""
    input:
        files=files_of(),
        options=options_of,
        fp32=files_of("fp32"),
        card="results/weights/{model}.json",
    output:
        report(
            "results/{device}/{model}/{artifact}.bench.json",
            "report/benchmark.rst",
            category="Time",
            subcategory="{model}",
            labels={"device": "{device}", "artifact": "{artifact}"},
        ),
    log:
        "results/logs/bench/{device}/{model}/{artifact}.log",
    benchmark:
        "results/logs/bench/{device}/{model}/{artifact}.benchmark.tsv"
    group:
        travels("measure")
    # All cores: nothing else may run beside a measurement.
    threads: lambda wc: workflow.cores
    resources:
        mem_mb=by_size(1900, 4.8),
        gpu=uses_gpu,
    params:
        code=runtime_code("bench.py"),
        artifact=artifact_of(),
        streams=ZOO.streams,
    message:
        "benchmark {wildcards.device}/{wildcards.model}/{wildcards.artifact}"
    script:
        "../scripts/bench.py"
