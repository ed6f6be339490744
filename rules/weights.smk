"""Needs: an entry under `models` in config.yaml.
Makes: results/weights/<model>.safetensors and, beside it, the model card that all later jobs read;
results/datasets/<data set> for models that are trained here.
"""


rule dataset:
    """Write a packaged data set as labelled image files, split into train and test."""
    output:
        directory("results/datasets/{dataset}"),
    log:
        "results/logs/dataset/{dataset}.log",
    benchmark:
        "results/logs/dataset/{dataset}.benchmark.tsv"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code("dataset.py"),
    message:
        "dataset {wildcards.dataset}"
    script:
        "../scripts/dataset.py"


rule weights:
    """Fetch a model's weights from where its entry says, check them, and describe them."""
    output:
        weights="results/weights/{model}.safetensors",
        card="results/weights/{model}.json",
    log:
        "results/logs/weights/{model}.log",
    benchmark:
        "results/logs/weights/{model}.benchmark.tsv"
    wildcard_constraints:
        model=one_of(FETCHED),
    threads: 1
    resources:
        mem_mb=weights_memory,
    params:
        code=code("weights.py"),
        spec=spec,
        source=source_state,
    message:
        "weights {wildcards.model}"
    script:
        "../scripts/weights.py"


rule train:
    """Train a model on a packaged data set."""
    input:
        dataset=training_data,
    output:
        weights="results/weights/{model}.safetensors",
        card="results/weights/{model}.json",
    log:
        "results/logs/weights/{model}.log",
    benchmark:
        "results/logs/weights/{model}.benchmark.tsv"
    wildcard_constraints:
        model=one_of(TRAINED),
    threads: 1
    resources:
        mem_mb=4000,
    params:
        code=code("train.py"),
        spec=spec,
        source=source_state,
    message:
        "train {wildcards.model}"
    script:
        "../scripts/train.py"
