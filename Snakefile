"""ncnn-zoo: vision models into verified ncnn and ONNX artifacts. Settings are in config.yaml."""

from snakemake.utils import min_version

min_version("9.0")


include: "rules/common.smk"
include: "rules/requests.smk"
include: "rules/cluster.smk"
include: "rules/storage.smk"
include: "rules/run.smk"
include: "rules/mistakes.smk"
include: "rules/terminal.smk"


rule all:
    """Every artifact of every declared model, its proof, and the report."""
    input:
        lambda wc: built(ZOO, ZOO.models, built_devices()),
    message:
        "all declared models are built and verified: see results/report.html"


rule embedded:
    """Every artifact of the models that need no model hub, its proof, and the report."""
    input:
        lambda wc: built(ZOO, ZOO.embedded, built_devices()),
    message:
        "the embedded models are built and verified: see results/report.html"


rule evaluate:
    """Accuracy, speed and size of what embedded builds, and of what was built before, as one table."""
    input:
        "results/evaluation.md",
        "results/evaluation.csv",
        "results/report.html",
    message:
        "the evaluation is in results/evaluation.md and .csv, and in results/report.html"


include: "rules/weights.smk"
include: "rules/export.smk"
include: "rules/onnx.smk"
include: "rules/ncnn.smk"
include: "rules/fp16.smk"
include: "rules/quantize.smk"
include: "rules/coverage.smk"
include: "rules/search.smk"
include: "rules/lock.smk"
include: "rules/options.smk"
include: "rules/verify.smk"
include: "rules/evaluate.smk"
include: "rules/benchmark.smk"
include: "rules/deploy.smk"
include: "rules/best.smk"
include: "rules/report.smk"
include: "rules/site.smk"
include: "rules/history.smk"
include: "rules/provenance.smk"
include: "rules/targets.smk"
include: "rules/target_search.smk"
include: "rules/cache.smk"
include: "rules/sweep.smk"
include: "rules/impossible.smk"
include: "rules/software.smk"
# Last: what none of the rules above makes is refused there.
include: "rules/models.smk"
