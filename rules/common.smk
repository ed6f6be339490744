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

from zoo.config import code_hash as code_hashes
from zoo.config.artifacts import ARTIFACTS, BY_NAME, DEVICES
from zoo.errors import ZooError
from zoo.images.sets import ImageSet, fingerprint
from zoo.config.libraries import LIBRARIES
from zoo.config.model_spec import MODEL_KEYS, ModelSpec
from zoo.config.training_images import (
    is_packaged,
    parts,
    purpose_set,
    training_classes,
    with_classes,
)
from zoo.jobs.usage import request

# Artifacts that a deploy bundle is made of.
DEPLOYABLE = [name for name, kind in ARTIFACTS.items() if kind.deployable]
BUNDLES = ("vendor_bundle.zip",)
# What is written beside int8.param, for people and for other tools.
INT8_RECORDS = (
    "int8.table",
    "int8.recipe.json",
    "int8.search.json",
    "int8.sensitivity.json",
)
PROOFS = ("verify.json", "eval.json", "bench.json")
PURPOSES = ("calibration", "verification", "evaluation")


def parse_models():
    try:
        return {
            name: ModelSpec.from_config(
                name, {key: entry[key] for key in MODEL_KEYS if key in entry}
            )
            for name, entry in config["models"].items()
        }
    except ZooError as error:
        raise WorkflowError(f"config.yaml: {error}")


MODELS = parse_models()
TRAINED = [name for name, spec in MODELS.items() if spec.weights.kind == "train"]
IMPORTED = {
    library: [name for name, spec in MODELS.items() if spec.library == library]
    for library, kind in LIBRARIES.items()
    if kind.is_file
}
FETCHED = [
    name
    for name, spec in MODELS.items()
    if name not in TRAINED and not spec.kind.is_file
]


def one_of(names):
    """A wildcard constraint that admits these names only."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    device=one_of(DEVICES),
    model=one_of(MODELS),
    artifact=one_of(ARTIFACTS),
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


def library_code(script):
    """The same for a script that builds the model: its library counts, and code of the user's own."""

    def hashes(wc):
        spec = MODELS[wc.model]
        own = code(script, f"zoo/models/libraries/{spec.library}_models.py")
        return [own, entry_point_state(spec)] if spec.kind.is_user_code else own

    return hashes


def entry_point_state(spec):
    """Changes when the user's module does, or one that it imports from beside it; None if it is installed."""
    dotted = spec.architecture.partition(":")[0]
    file = Path.cwd().joinpath(*dotted.split(".")).with_suffix(".py")
    found = next(
        (
            each
            for each in (file, file.with_suffix("") / "__init__.py")
            if each.is_file()
        ),
        None,
    )
    return None if found is None else code_hashes.code_hash(found, root=Path.cwd())


def weights_file(model):
    """The file that a model's weights are kept in: of tensors, or the model's own."""
    return f"results/weights/{model}{MODELS[model].kind.suffix}"


def weights_of(wc):
    return weights_file(wc.model)


def runtime_code(script):
    """The same for a script that opens the runtime of the artifact at hand."""
    return lambda wc: code(
        script, f"zoo/runners/{ARTIFACTS[wc.artifact].runtime}_runner.py"
    )


def spec(wc):
    """A model's specification; one that is trained here has as many outputs as there are classes."""
    model = MODELS[wc.model]
    classes = class_count(wc.model) if wc.model in TRAINED else None
    return (with_classes(model, classes) if classes else model).to_dict()


@cache
def class_count(model):
    try:
        return len(training_classes(MODELS[model].weights))
    except (ZooError, OSError):
        return None  # the training says why, for its own model only


def setting(wc, key, default=None):
    """A model's own setting, or the zoo's."""
    return config["models"][wc.model].get(key, config.get(key, default))


def source_state(wc):
    """Changes when a local file that a model's entry names does: its size and time of change, or None."""
    spec = MODELS[wc.model]
    start = spec.weights.training and spec.weights.training.start
    sources = [spec.weights, *([start] if start else [])]
    named = [source.location for source in sources if source.kind == "file"]
    named += [spec.architecture] if spec.kind.is_file else []
    named += [spec.labels] if spec.labels else []
    states = [Path(file).stat() if Path(file).is_file() else None for file in named]
    return [state and f"{state.st_size} {state.st_mtime_ns}" for state in states]


def training_folder(wc):
    """The folder of the images that a model is trained on."""
    weights = MODELS[wc.model].weights
    made = is_packaged(weights)
    return f"results/datasets/{weights.location}" if made else weights.location


def training_dataset(wc):
    """That folder as an input, if a rule makes it."""
    return training_folder(wc) if is_packaged(MODELS[wc.model].weights) else []


def training_state(wc):
    """Changes when the images of a user's folder do."""
    if training_dataset(wc):
        return "made here"
    folder = Path(training_folder(wc))
    try:
        return [set_state(each) for each in parts(MODELS[wc.model].weights, folder)]
    except (ZooError, OSError) as error:
        return str(error)


def training_threads(wc):
    """One for a data set made here: it is small, and its weights depend on the number of threads."""
    return 1 if training_dataset(wc) else 8


def trained_on(wc, purpose):
    """Whether a model is trained here and its entry leaves it to the images of that to serve a purpose."""
    return wc.model in TRAINED and purpose not in config["models"][wc.model]


def image_choice(wc, purpose):
    """The entry of config.yaml that says which images serve a purpose, and the set that it names or is."""
    choice = config["models"][wc.model].get(purpose) or config["defaults"].get(purpose)
    if choice is None:
        raise WorkflowError(
            f"{wc.model}: config.yaml names no {purpose} images (defaults: {purpose}: …)"
        )
    if "path" in choice:
        return choice, choice
    name = choice["set"]
    if name not in config["image_sets"]:
        declared = ", ".join(config["image_sets"])
        raise WorkflowError(
            f"{wc.model}: no image set is called {name}; declared are: {declared}"
        )
    return choice, config["image_sets"][name]


def image_set(wc, purpose):
    """The image set for a purpose, as plain values (see ImageSet.to_dict)."""
    if trained_on(wc, purpose):
        folder = Path(training_folder(wc))
        return purpose_set(MODELS[wc.model].weights, folder, purpose).to_dict()
    choice, entry = image_choice(wc, purpose)
    values = {
        key: entry[key]
        for key in ("path", "crops", "labels", "classes", "split")
        if key in entry
    }
    if "dataset" in entry:
        values["path"] = f"results/datasets/{entry['dataset']}"
    return {
        "name": choice.get("set") or str(Path(*Path(values["path"]).parts[-2:])),
        "images": choice.get("images"),
        "seed": choice.get("seed", 0),
    } | values


def dataset_of(wc, purpose):
    """The packaged data set that a job reads its images from, if it does."""
    if trained_on(wc, purpose):
        return training_dataset(wc)
    entry = image_choice(wc, purpose)[1]
    return f"results/datasets/{entry['dataset']}" if "dataset" in entry else []


def images_state(wc, purpose):
    """Changes when the images of a user's set do; a data set made here is an input instead."""
    if dataset_of(wc, purpose):
        return "made here"
    try:
        return set_state(ImageSet.from_dict(image_set(wc, purpose)))
    except (ZooError, OSError) as error:
        return str(error)  # the job says it again, for its own model only


set_state = cache(fingerprint)


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
    return [f"results/{device}/{model}/{file}" for file in ARTIFACTS[artifact].files]


def files_of(wc):
    return artifact_files(wc.device, wc.model, wc.artifact)


def artifact_of(wc, artifact=None):
    """The artifact at hand, or another of the model, as the scripts' Artifact takes it, without its files."""
    artifact = artifact or wc.artifact
    kind = ARTIFACTS[artifact]
    names = {"model": wc.model, "device": wc.device, "name": artifact}
    return names | {"precision": kind.precision, "runtime": kind.runtime}


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
    """A request in MB that grows with the largest file that a job reads, see `zoo.jobs.usage.request`.

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
    spec = MODELS[wc.model]
    file = spec.weights.location if spec.weights.kind == "file" else weights_of(wc)
    return request(1900, 1.7, [spec.architecture if spec.kind.is_file else file])


def uses_gpu(wc):
    """How many GPUs a job that runs an artifact takes; the profile grants one at a time."""
    return int(wc.device == "gpu")


def onnx_int8_setting(wc):
    """How a model's fp32.onnx becomes int8: the zoo's settings, and over them its own."""
    return config.get("onnx_int8", {}) | config["models"][wc.model].get("onnx_int8", {})


def vendor_data_type(wc):
    """The type of the numbers in a vendor bundle's calibration files."""
    return setting(wc, "vendor", {}).get("calibration_data", "float32")


def gates(wc):
    return gates_of(wc, ARTIFACTS[wc.artifact].precision)


def fp16_gates(wc):
    return gates_of(wc, "fp16")


def gates_of(wc, precision):
    """A model's own gates of a precision, or the zoo's."""
    return (
        config["models"][wc.model]
        .get("gates", {})
        .get(precision, config["gates"].get(precision, {}))
    )


def ncnn_reference(wc):
    """ncnn's own fp32 files, which ncnn artifacts are compared with layer by layer."""
    return (
        artifact_files(wc.device, wc.model, "fp32")
        if ARTIFACTS[wc.artifact].runtime == "ncnn"
        else []
    )


@cache
def built_devices():
    """The devices that `all` and `embedded` build for."""
    if config["devices"] != "auto":
        return tuple(config["devices"])
    from zoo.runners.vulkan import find_vulkan_device

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


def artifacts_of(model, device):
    """The artifacts of a model that are built without being asked for by name: those that config.yaml lists,
    or all but BY_NAME. On gpu these are ncnn's: what runs elsewhere is the same file as on cpu. A model that is
    an ONNX file need not have the form of TorchScript."""
    left_out = {*BY_NAME, *MODELS[model].kind.without}
    usual = [name for name in ARTIFACTS if name not in left_out]
    listed = config["models"][model].get("artifacts", config.get("artifacts", usual))
    return [
        name for name in listed if device == "cpu" or ARTIFACTS[name].runtime == "ncnn"
    ]


def everything(models):
    """All final files of the models, on every device built for; the report asks for their proofs."""
    built = []
    for device in built_devices():
        for model in models:
            artifacts = artifacts_of(model, device)
            kinds = [file for name in artifacts for file in ARTIFACTS[name].files]
            kinds += [f"{artifact}.passed" for artifact in artifacts]
            if "int8" in artifacts:
                kinds += ["int8.table", "int8.recipe.json"]
            built += [f"results/{device}/{model}/{kind}" for kind in kinds]
    return [*built, "results/report.html", "results/zoo.csv"]


def reported_proofs(wc):
    """Every proof of every artifact of the embedded models, or of all models when `all` is built, with the
    outcome of the search for int8; and those of other models and artifacts that were made before.
    """
    asked_for_all = "all" in (workflow.dag_settings.targets or ["all"])
    needed = list(MODELS) if asked_for_all else embedded_models()
    kinds = {
        f"{artifact}.{proof}": artifact for artifact in ARTIFACTS for proof in PROOFS
    }
    kinds |= {"int8.search.json": "int8", "int8.sensitivity.json": "int8"}
    return [
        f"results/{device}/{model}/{kind}"
        for model in MODELS
        for device in DEVICES
        for kind, artifact in kinds.items()
        if (
            model in needed
            and device in built_devices()
            and artifact in artifacts_of(model, device)
        )
        or Path(f"results/{device}/{model}/{kind}").exists()
    ]


def reported_cards(wc):
    """The cards of the models in the report."""
    models = {path.split("/")[2] for path in reported_proofs(wc)}
    return [f"results/weights/{model}.json" for model in MODELS if model in models]


def possible_targets():
    """A pattern of every path below results/ that some rule makes."""
    files = [file for kind in ARTIFACTS.values() for file in kind.files]
    files += [
        f"{artifact}.{end}" for artifact in ARTIFACTS for end in (*PROOFS, "passed")
    ]
    files += [f"{artifact}.deploy.zip" for artifact in DEPLOYABLE]
    files += [*INT8_RECORDS, *BUNDLES, "calibration.npz"]
    return "|".join(
        [
            f"(?:{one_of(DEVICES)})/(?:{one_of(MODELS)})/(?:{one_of(files)})",
            rf"(?:{one_of(DEVICES)})/(?:{one_of(MODELS)})/search/[^/]+",
            rf"weights/(?:{one_of(MODELS)})\.json",
            *(re.escape(weights_file(name).partition("/")[2]) for name in MODELS),
            rf"reference/(?:{one_of(MODELS)})/(?:verification|evaluation)\.npz",
            r"datasets/digits",
            r"report\.html|zoo\.csv|evaluation\.md|evaluation\.csv",
        ]
    )


def explain_impossible(wc):
    """Say which part of a target is wrong, and what is valid there."""
    target = f"results/{wc.impossible}"
    parts = wc.impossible.split("/")
    kinds = [file for kind in ARTIFACTS.values() for file in kind.files]
    kinds += [*INT8_RECORDS, *BUNDLES]
    kinds += [f"<artifact>.{end}" for end in (*PROOFS, "passed")]
    kinds += [f"{artifact}.deploy.zip" for artifact in DEPLOYABLE]
    if parts[0] not in (*DEVICES, "weights", "reference", "datasets"):
        reason = f"'{parts[0]}' is not a device; valid are: {', '.join(DEVICES)}"
    elif (
        len(parts) > 1
        and re.sub(r"\.(safetensors|onnx|pt|json)$", "", parts[1]) not in MODELS
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
