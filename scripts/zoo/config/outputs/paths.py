"""Where files of a build lie."""

from zoo.config.artifacts import ARTIFACTS
from zoo.config.targets import ARCHITECTURES
from zoo.config.zoo import Model

RESULTS = "results"
LOCKS = "locks"
"""Where locks of int8 lie, beside config.yaml: they are committed, so they are no results."""
MANIFEST, SBOM = f"{RESULTS}/manifest.json", f"{RESULTS}/sbom.cdx.json"
SIGNATURE = f"{MANIFEST}.sig"
HISTORY = f"{RESULTS}/history.jsonl"
"""What builds append to; no rule makes it."""
PROOFS = ("verify.json", "eval.json", "bench.json")


def weights_file(model: Model) -> str:
    """The file that a model's weights are kept in: of tensors, or the model's own."""
    return f"{RESULTS}/weights/{model.name}{model.spec.kind.suffix}"


def source_file(model: Model) -> str:
    """The local file that a model's weights come from; else the one that they are kept in."""
    spec = model.spec
    given = spec.weights.location if spec.weights.kind == "file" else None
    return spec.architecture if model.imported else given or weights_file(model)


def dataset_folder(name: str) -> str:
    """Where a packaged data set is written as images."""
    return f"{RESULTS}/datasets/{name}"


def model_folder(device: str, model: str) -> str:
    return f"{RESULTS}/{device}/{model}"


def artifact_files(device: str, model: str, artifact: str) -> list[str]:
    """The files of an artifact, as its kind orders them."""
    return [f"{model_folder(device, model)}/{file}" for file in ARTIFACTS[artifact].files]


def agent_file(architecture: str = ARCHITECTURES[0]) -> str:
    """The program that works on targets of an architecture."""
    return f"{RESULTS}/targets/{architecture}/agent"


def lock_files(device: str, model: str) -> list[str]:
    """The lock of a model's int8, and what int8 is made of by it; see `zoo.locks.lock`."""
    return [f"{LOCKS}/{device}/{model}.{end}" for end in ("json", "delta")]


def calibration_shards(device: str, model: Model) -> list[str]:
    """The statistics that those of a model are merged from; none if one job collects them."""
    shards = model.settings.int8.shards
    folder = f"{model_folder(device, model.name)}/search"
    names = [f"calibration-{index + 1}-of-{shards}.npz" for index in range(shards)]
    return [f"{folder}/{name}" for name in names] if shards > 1 else []
