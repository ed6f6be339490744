"""Needs: weights and model card.
Makes: torchscript.pt, after the exact rewrites, and the untouched model's outputs that every artifact is
compared with. With training, the only stage whose jobs import torch, but for those
that run TorchScript itself.
"""


rule torchscript:
    """Rewrite the model exactly, trace it, and save it as TorchScript."""
    input:
        weights=of_model(paths.weights_file),
        card="results/weights/{model}.json",
    output:
        "results/{device}/{model}/torchscript.pt",
    log:
        "results/logs/torchscript/{device}/{model}.log",
    benchmark:
        "results/logs/torchscript/{device}/{model}.benchmark.tsv"
    group:
        travels("export")
    threads: 1
    resources:
        mem_mb=by_size(1000, 4.5),
        disk_mb=by_size(100, 1.2),
    params:
        code=library_code("torchscript.py"),
        spec=spec,
    message:
        "torchscript {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/torchscript.py"


rule reference:
    """Run the untouched model in torch and keep its outputs, the truth for all artifacts."""
    input:
        weights=of_model(paths.weights_file),
        card="results/weights/{model}.json",
        dataset=lambda wc: images_for(wc.model, wc.purpose).dataset,
    output:
        "results/reference/{model}/{purpose}.npz",
    log:
        "results/logs/reference/{model}/{purpose}.log",
    benchmark:
        "results/logs/reference/{model}/{purpose}.benchmark.tsv"
    group:
        travels("export")
    threads: 2
    resources:
        mem_mb=by_size(1000, 2.2),
    params:
        code=library_code("reference.py"),
        spec=spec,
        images=lambda wc: images_for(wc.model, wc.purpose).values,
        images_state=lambda wc: changes.images_state(images_for(wc.model, wc.purpose)),
    message:
        "reference {wildcards.model} ({wildcards.purpose} images)"
    script:
        "../scripts/reference.py"
