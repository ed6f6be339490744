"""Needs: weights and model card.
Makes: torchscript.pt and fp32.onnx, after the exact rewrites, and the untouched model's outputs that
every artifact is compared with. With training, the only stage whose jobs import torch, but for those
that run TorchScript itself.
"""


rule torchscript:
    """Rewrite the model exactly, trace it, and save it as TorchScript."""
    input:
        weights="results/weights/{model}.safetensors",
        card="results/weights/{model}.json",
    output:
        "results/{device}/{model}/torchscript.pt",
    log:
        "results/logs/torchscript/{device}/{model}.log",
    benchmark:
        "results/logs/torchscript/{device}/{model}.benchmark.tsv"
    threads: 1
    resources:
        mem_mb=by_size(1000, 4.5),
        disk_mb=by_size(100, 1.2),
    params:
        code=code("torchscript.py"),
        spec=spec,
    message:
        "torchscript {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/torchscript.py"


rule onnx:
    """Rewrite the model exactly and export it as a simplified, checked ONNX file."""
    input:
        weights="results/weights/{model}.safetensors",
        card="results/weights/{model}.json",
    output:
        "results/{device}/{model}/fp32.onnx",
    log:
        "results/logs/onnx/{device}/{model}.log",
    benchmark:
        "results/logs/onnx/{device}/{model}.benchmark.tsv"
    threads: 1
    resources:
        mem_mb=by_size(1000, 4.8),
        disk_mb=by_size(100, 1.2),
    params:
        code=code("onnx_export.py"),
        spec=spec,
        opset=lambda wc: setting(wc, "opset"),
    message:
        "onnx {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/onnx_export.py"


rule reference:
    """Run the untouched model in torch and keep its outputs, the truth for all artifacts."""
    input:
        weights="results/weights/{model}.safetensors",
        card="results/weights/{model}.json",
        dataset=lambda wc: dataset_of(wc, wc.purpose),
    output:
        "results/reference/{model}/{purpose}.npz",
    log:
        "results/logs/reference/{model}/{purpose}.log",
    benchmark:
        "results/logs/reference/{model}/{purpose}.benchmark.tsv"
    threads: 2
    resources:
        mem_mb=by_size(1000, 2.2),
    params:
        code=code("reference.py"),
        spec=spec,
        images=lambda wc: image_set(wc, wc.purpose),
        images_state=lambda wc: images_state(wc, wc.purpose),
    message:
        "reference {wildcards.model} ({wildcards.purpose} images)"
    script:
        "../scripts/reference.py"
