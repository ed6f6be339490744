"""Needs: an entry under `models` in config.yaml.
Makes: results/weights/<model>.safetensors (.onnx or .pt for a model that is such a file) and, beside it, the
model card that all later jobs read; results/datasets/<data set> for models that are trained on one;
results/weights/<model>.training, which an interrupted training goes on from and a finished one is kept in.
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
        mem_mb=grown(1000),
    params:
        code=code("dataset.py", "zoo/images/*.npz"),
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
        model=models_that(lambda model: model.fetched),
    group:
        travels("export")
    threads: 1
    resources:
        mem_mb=weights_memory,
    params:
        code=library_code("weights.py"),
        spec=spec,
        source=source_of,
    message:
        "weights {wildcards.model}"
    script:
        "../scripts/weights.py"


rule train:
    """Train or fine-tune a model on the images that its entry names."""
    input:
        dataset=of_model(image_choice.training_dataset),
    output:
        weights="results/weights/{model}.safetensors",
        card="results/weights/{model}.json",
    log:
        "results/logs/weights/{model}.log",
    benchmark:
        "results/logs/weights/{model}.benchmark.tsv"
    wildcard_constraints:
        model=models_that(lambda model: model.trained),
    threads: of_model(lambda model: model.training_demands.threads)
    resources:
        mem_mb=of_model(lambda model: model.training_demands.mem_mb),
        gpu=of_model(lambda model: model.training_demands.gpu),
    params:
        code=library_code("train.py"),
        spec=spec,
        source=source_of,
        folder=of_model(image_choice.training_folder),
        images_state=of_model(changes.training_state),
    message:
        "train {wildcards.model}"
    script:
        "../scripts/train.py"


rule import_onnx:
    """Check a model that an ONNX file holds, and describe it."""
    output:
        weights="results/weights/{model}.onnx",
        card="results/weights/{model}.json",
    log:
        "results/logs/weights/{model}.log",
    benchmark:
        "results/logs/weights/{model}.benchmark.tsv"
    wildcard_constraints:
        model=models_that(lambda model: model.spec.library == "onnx"),
    group:
        travels("export")
    threads: 1
    resources:
        mem_mb=weights_memory,
    params:
        code=library_code("import_file.py"),
        spec=spec,
        source=source_of,
    message:
        "import {wildcards.model}"
    script:
        "../scripts/import_file.py"


rule import_torchscript:
    """Check a model that a TorchScript file holds, and describe it."""
    output:
        weights="results/weights/{model}.pt",
        card="results/weights/{model}.json",
    log:
        "results/logs/weights/{model}.log",
    benchmark:
        "results/logs/weights/{model}.benchmark.tsv"
    wildcard_constraints:
        model=models_that(lambda model: model.spec.library == "torchscript"),
    group:
        travels("export")
    threads: 1
    resources:
        mem_mb=weights_memory,
    params:
        code=library_code("import_file.py"),
        spec=spec,
        source=source_of,
    message:
        "import {wildcards.model}"
    script:
        "../scripts/import_file.py"
