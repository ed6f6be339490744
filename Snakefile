"""ncnn-zoo: vision models into verified ncnn and ONNX artifacts. Settings are in config.yaml."""

from snakemake.utils import min_version, validate

min_version("9.0")


configfile: "config.yaml"


validate(config, workflow.source_path("rules/config.schema.yaml"))


include: "rules/common.smk"


rule all:
    """Every artifact of every declared model, its proof, and the report."""
    input:
        lambda wc: everything(MODELS),


rule embedded:
    """The same for the models that need no model hub."""
    input:
        lambda wc: everything(embedded_models()),


include: "rules/weights.smk"
include: "rules/export.smk"
include: "rules/ncnn.smk"
include: "rules/quantize.smk"
include: "rules/verify.smk"
include: "rules/evaluate.smk"
include: "rules/benchmark.smk"
include: "rules/report.smk"
include: "rules/impossible.smk"
