"""All functions that the rules use: what the configuration declares, and what follows from it."""

import gc
import json
import math
import os
import re
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

# A plan of a thousand jobs is a million objects that live to the end: looking for garbage among them
# every few hundred costs a tenth of the time to plan.
gc.set_threshold(100_000)

SCRIPTS = Path(workflow.basedir) / "scripts"
sys.path.insert(0, str(SCRIPTS))

from zoo import code_hash as code_hashes
from zoo.errors import ZooError
from zoo.image_sets import ImageSet, fingerprint
from zoo.spec import ModelSpec
from zoo.usage import request

DEVICES = ("cpu", "gpu")
# Each artifact of a model: its precision, the runtime that executes it, and its files.
ARTIFACTS = {
    "torchscript": ("fp32", "torch", ("torchscript.pt",)),
    "fp32.onnx": ("fp32", "onnxruntime", ("fp32.onnx",)),
    "fp32": ("fp32", "ncnn", ("fp32.param", "fp32.bin")),
    "fp16": ("fp16", "ncnn", ("fp16.param", "fp16.bin")),
    "int8": ("int8", "ncnn", ("int8.param", "int8.bin")),
}
# What is written beside int8.param, for people and for other tools.
INT8_RECORDS = (
    "int8.table",
    "int8.recipe.json",
    "int8.search.json",
    "int8.sensitivity.json",
)
PROOFS = ("verify.json", "eval.json", "bench.json")
PURPOSES = ("calibration", "verification", "evaluation")
SPEC_KEYS = ("timm", "args", "weights", "preprocess", "licence", "labels")


def parse_models():
    try:
        return {
            name: ModelSpec.from_config(
                name, {key: entry[key] for key in SPEC_KEYS if key in entry}
            )
            for name, entry in config["models"].items()
        }
    except ZooError as error:
        raise WorkflowError(f"config.yaml: {error}")


MODELS = parse_models()
TRAINED = [name for name, spec in MODELS.items() if spec.weights.kind == "train"]
FETCHED = [name for name in MODELS if name not in TRAINED]


def one_of(names):
    """A wildcard constraint that admits these names only."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    device=one_of(DEVICES),
    model=one_of(MODELS),
    artifact=one_of(ARTIFACTS),
    precision=one_of(("fp32", "fp16", "int8")),
    purpose=one_of(("verification", "evaluation")),
    candidate=r"[A-Za-z0-9_-]+",
    shard=r"[0-9]+",
    shards=r"[0-9]+",
    dataset="digits",


@cache
def code(script, *more):
    """Hash of what a script runs, so that an edit reruns exactly the rules that it concerns.

    more: patterns, below scripts/, of files that the script uses without importing them by name.
    """
    used = [path for pattern in more for path in sorted(SCRIPTS.glob(pattern))]
    return code_hashes.code_hash(SCRIPTS / script, *used)


def ncnn_code(script):
    """The same for a script that opens ncnn."""
    return code(script, "zoo/runners/ncnn_runner.py")


def runtime_code(script):
    """The same for a script that opens the runtime of the artifact at hand."""
    return lambda wc: code(script, f"zoo/runners/{ARTIFACTS[wc.artifact][1]}_runner.py")


def spec(wc):
    return MODELS[wc.model].to_dict()


def setting(wc, key, default=None):
    """A model's own setting, or the zoo's."""
    return config["models"][wc.model].get(key, config.get(key, default))


def source_state(wc):
    """Changes when a local file that a model's entry names does: its size and time of change, or None."""
    spec = MODELS[wc.model]
    named = [spec.weights.location] if spec.weights.kind == "file" else []
    named += [spec.labels] if spec.labels else []
    states = [Path(file).stat() if Path(file).is_file() else None for file in named]
    return [state and f"{state.st_size} {state.st_mtime_ns}" for state in states]


def training_data(wc):
    return f"results/datasets/{MODELS[wc.model].weights.location}"


def image_choice(wc, purpose):
    """The entry of config.yaml that says which images serve a purpose, and the set that it names."""
    choice = config["models"][wc.model].get(purpose) or config["defaults"].get(purpose)
    if choice is None:
        raise WorkflowError(
            f"{wc.model}: config.yaml names no {purpose} images (defaults: {purpose}: …)"
        )
    name = choice["set"]
    if name not in config["image_sets"]:
        declared = ", ".join(config["image_sets"])
        raise WorkflowError(
            f"{wc.model}: no image set is called {name}; declared are: {declared}"
        )
    return choice, config["image_sets"][name]


def image_set(wc, purpose):
    """The image set for a purpose, as plain values (see ImageSet.to_dict)."""
    choice, entry = image_choice(wc, purpose)
    values = {
        key: entry[key]
        for key in ("path", "crops", "labels", "classes")
        if key in entry
    }
    if "dataset" in entry:
        values["path"] = f"results/datasets/{entry['dataset']}/{entry['split']}"
    return {
        "name": choice["set"],
        "images": choice.get("images"),
        "seed": choice.get("seed", 0),
    } | values


def dataset_of(wc, purpose):
    """The packaged data set that a job reads its images from, if it does."""
    entry = image_choice(wc, purpose)[1]
    return f"results/datasets/{entry['dataset']}" if "dataset" in entry else []


def images_state(wc, purpose):
    """Changes when the images of a user's set do; a data set made here is an input instead."""
    if dataset_of(wc, purpose):
        return "made here"
    return set_state(repr(sorted(image_set(wc, purpose).items())), wc, purpose)


_states = {}


def set_state(key, wc, purpose):
    if key not in _states:
        try:
            _states[key] = fingerprint(ImageSet.from_dict(image_set(wc, purpose)))
        except (ZooError, OSError) as error:
            _states[key] = str(error)  # the job says it again, for its own model only
    return _states[key]


def calibration_set(wc):
    return image_set(wc, "calibration")


def calibration_dataset(wc):
    return dataset_of(wc, "calibration")


def calibration_state(wc):
    return images_state(wc, "calibration")


def calibration_shards(wc):
    """The shards that calibration statistics are merged from; none if one job collects them."""
    shards = int8_setting(wc)["shards"]
    folder = f"results/{wc.device}/{wc.model}/search"
    names = [f"calibration-{each + 1}-of-{shards}.npz" for each in range(shards)]
    return [f"{folder}/{name}" for name in names] if shards > 1 else []


def artifact_files(device, model, artifact):
    return [f"results/{device}/{model}/{file}" for file in ARTIFACTS[artifact][2]]


def files_of(wc):
    return artifact_files(wc.device, wc.model, wc.artifact)


def artifact_of(wc, artifact=None):
    """The artifact at hand, or another of the model, as the scripts' Artifact takes it, without its files."""
    artifact = artifact or wc.artifact
    precision, runtime, _ = ARTIFACTS[artifact]
    names = {"model": wc.model, "device": wc.device, "name": artifact}
    return names | {"precision": precision, "runtime": runtime}


def int8_artifact(wc):
    return artifact_of(wc, "int8")


def fp32_artifact(wc):
    return artifact_of(wc, "fp32")


def int8_setting(wc):
    """How a model becomes int8: the zoo's settings, and over them its own."""
    return (
        {"recipe": "auto", "exclude": [], "target": {}, "shards": 1}
        | config.get("int8", {})
        | config["models"][wc.model].get("int8", {})
    )


def pinned_recipe(wc):
    """The file of a recipe or table that config.yaml names for a model, if it names one."""
    recipe = int8_setting(wc)["recipe"]
    return [recipe] if recipe.endswith((".json", ".table")) else []


def of_candidates(wc, kind):
    """A file of each int8 candidate; which these are is known once the checkpoint ran."""
    decided = checkpoints.candidates.get(device=wc.device, model=wc.model).output[0]
    return [
        f"results/{wc.device}/{wc.model}/search/{name}.{kind}.json"
        for name in json.loads(Path(decided).read_text())
    ]


def by_size(base, factor, thread=(0, 0)):
    """A request in MB that grows with the largest file that a job reads, see `zoo.usage.request`.

    thread: base and factor of what each of the job's threads takes in addition.
    """
    return lambda wc, input, threads: request(
        base + threads * thread[0], factor + threads * thread[1], input
    )


def limit_memory():
    """Let local jobs side by side ask for no more memory than the machine has, whatever --cores is.

    A single job that asks for more is granted all of it. --resources mem_mb=N says otherwise.
    """
    if workflow.local_exec and "mem_mb" not in workflow.global_resources:
        bytes_there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        workflow.register_resource("mem_mb", bytes_there // 2**20)


limit_memory()


def weights_memory(wc):
    """The same for jobs that read no input: by the file that an entry names, or by what they made before."""
    weights = MODELS[wc.model].weights
    made = f"results/weights/{wc.model}.safetensors"
    return request(1000, 3, [weights.location if weights.kind == "file" else made])


def uses_gpu(wc):
    """How many GPUs a job that runs an artifact takes; the profile grants one at a time."""
    return int(wc.device == "gpu")


def gates(wc):
    precision = ARTIFACTS[wc.artifact][0]
    return (
        config["models"][wc.model]
        .get("gates", {})
        .get(precision, config["gates"].get(precision, {}))
    )


def ncnn_reference(wc):
    """ncnn's own fp32 files, which ncnn artifacts are compared with layer by layer."""
    return (
        artifact_files(wc.device, wc.model, "fp32")
        if ARTIFACTS[wc.artifact][1] == "ncnn"
        else []
    )


@cache
def built_devices():
    """The devices that `all` and `embedded` build for."""
    if config["devices"] != "auto":
        return tuple(config["devices"])
    from zoo.vulkan import find_vulkan_device

    if find_vulkan_device():
        return DEVICES
    print(
        "No Vulkan device found: building for cpu only. Install a Vulkan driver (Debian: libvulkan1 and "
        "mesa-vulkan-drivers for a software one) or set devices: [cpu, gpu] to insist.",
        file=sys.stderr,
    )
    return ("cpu",)


def embedded_models():
    return [name for name, spec in MODELS.items() if not spec.weights.remote]


def everything(models):
    """All final files of the models, on every device built for; the report asks for their proofs."""
    folders = [
        f"results/{device}/{model}" for device in built_devices() for model in models
    ]
    kinds = [file for _, _, files in ARTIFACTS.values() for file in files]
    kinds += [
        "int8.table",
        "int8.recipe.json",
        *(f"{artifact}.passed" for artifact in ARTIFACTS),
    ]
    built = [f"{folder}/{kind}" for folder in folders for kind in kinds]
    return [*built, "results/report.html", "results/zoo.csv"]


def reported_proofs(wc):
    """Every proof of every artifact of the embedded models, or of all models when `all` is built, with the
    outcome of the search for int8; and those of other models that were made before."""
    asked_for_all = "all" in (workflow.dag_settings.targets or ["all"])
    needed = list(MODELS) if asked_for_all else embedded_models()
    kinds = [f"{artifact}.{proof}" for artifact in ARTIFACTS for proof in PROOFS]
    kinds += ["int8.search.json", "int8.sensitivity.json"]
    return [
        path
        for model in MODELS
        for device in DEVICES
        for path in (f"results/{device}/{model}/{kind}" for kind in kinds)
        if (model in needed and device in built_devices()) or Path(path).exists()
    ]


def reported_cards(wc):
    """The cards of the models in the report."""
    models = {path.split("/")[2] for path in reported_proofs(wc)}
    return [f"results/weights/{model}.json" for model in MODELS if model in models]


def possible_targets():
    """A pattern of every path below results/ that some rule makes."""
    files = [file for _, _, group in ARTIFACTS.values() for file in group]
    files += [
        f"{artifact}.{end}" for artifact in ARTIFACTS for end in (*PROOFS, "passed")
    ]
    files += [*INT8_RECORDS, "calibration.npz"]
    return "|".join(
        [
            f"(?:{one_of(DEVICES)})/(?:{one_of(MODELS)})/(?:{one_of(files)})",
            rf"(?:{one_of(DEVICES)})/(?:{one_of(MODELS)})/search/[^/]+",
            rf"weights/(?:{one_of(MODELS)})\.(?:safetensors|json)",
            rf"reference/(?:{one_of(MODELS)})/(?:verification|evaluation)\.npz",
            r"datasets/digits",
            r"report\.html|zoo\.csv",
        ]
    )


def explain_impossible(wc):
    """Say which part of a target is wrong, and what is valid there."""
    target = f"results/{wc.impossible}"
    parts = wc.impossible.split("/")
    kinds = [file for _, _, group in ARTIFACTS.values() for file in group]
    kinds += INT8_RECORDS
    kinds += [f"<artifact>.{end}" for end in (*PROOFS, "passed")]
    if parts[0] not in (*DEVICES, "weights", "reference", "datasets"):
        reason = f"'{parts[0]}' is not a device; valid are: {', '.join(DEVICES)}"
    elif (
        len(parts) > 1 and re.sub(r"\.(safetensors|json)$", "", parts[1]) not in MODELS
    ):
        reason = (
            f"'{parts[1]}' is not a declared model; declared are: {', '.join(MODELS)}"
        )
    else:
        reason = (
            f"'{Path(*parts[2:])}' is not an artifact; valid are: {', '.join(kinds)}, "
            f"where <artifact> is one of {', '.join(ARTIFACTS)}"
        )
    raise WorkflowError(f"{target}: {reason}")
