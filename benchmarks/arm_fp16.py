"""What masks on layers are worth on a processor with float16 arithmetic, beside the share that they take.

    python benchmarks/arm_fp16.py --reference DIR [--folder DIR]

Builds a zoo of its own in `--folder` (by default one that is removed at the end) with snakemake, on an
emulated Cortex-A76: a ConvNeXt-atto and the project's own EfficientNet-lite0, each judged on the same eight
images here, there, and there without masks; and the atto's masks for the GPU, if the machine has a Vulkan
device. Prints each figure beside what it must be and should be, and at last how long all of it took.
`--reference` is as for `benchmarks/fidelity.py`. What the folder holds already is not built again.
"""

import argparse
import csv
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from fidelity import Row, Zoo, configuration

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "scripts"))

from zoo.config.records.fp16_recipe import Fp16Recipe
from zoo.config.records.verification import Verification
from zoo.config.targets import Target
from zoo.images.sets import ImageSet, samples, spread
from zoo.measure.multiply_adds import multiply_adds
from zoo.ncnn.graph import Graph, read_graph, write_graph
from zoo.ncnn.param_ids import AnyLayer
from zoo.precision.apply import computes_int8
from zoo.precision.noise import decibels, noise
from zoo.runners.artifact import Artifact
from zoo.runners.inference import run
from zoo.runners.vulkan import find_vulkan_device

IMAGES = {"set": "heldout", "images": 8}
TABLE = {
    "atto, Cortex-A76": "a76/atto",
    "lite0, Cortex-A76": "a76/lite0",
    "atto, GPU in software": "gpu/planned",
}
"""Rows of the table of docs/targets.md, and whose recipes they are; that of a GPU where there is one."""
PROVEN = ("cpu/atto/fp16", "a76/atto_plain/fp16", "a76/atto/fp32", "a76/atto/fp16", "a76/atto/int8")
PROVEN += ("cpu/lite0/fp16", "a76/lite0_plain/fp16", "a76/lite0/fp16")
PHOTOS = 400
"""That int8 is compared on. Float16 before a layer that is int8 has some of its inputs rounded to the next
step, as many up as down: the noise to fp32 stays as much, and becomes another one, of which few photographs
tell by chance that it is more, or less: 40 of them know the difference to .4 dB."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        rows = measured(folder, options.reference.resolve())
        minutes = Row("this benchmark, minutes", (time.perf_counter() - started) / 60)
        print(f"{'':<64} measured  must      aim    verdict", *rows, minutes, *table(folder), sep="\n")
        missed = [row for row in rows if "MISSED" in str(row)]
        sys.exit(bool(missed))


def declared(reference: Path) -> dict[str, Any]:
    """The zoo: the models of `fidelity`, on a target, and without masks; `planned` is atto with masks for any
    device."""
    config = configuration(reference)
    models = {name: config["models"][name] | {"verification": IMAGES} for name in ("atto", "lite0")}
    models |= {f"{name}_plain": model | {"fp16": {"plan": False}} for name, model in models.items()}
    models["planned"] = models["atto"] | {"fp16": {"plan": True}}
    return config | {"targets": {"a76": {"emulate": "cortex-a76"}}, "models": models}


def measured(folder: Path, reference: Path) -> list[Row]:
    zoo = Zoo(folder, reference)
    if not (folder / "requirements.txt").exists():
        (folder / "requirements.txt").symlink_to(PROJECT / "requirements.txt")
    (folder / "config.yaml").write_text(yaml.safe_dump(declared(reference)))
    zoo.build("results/targets/aarch64/agent")
    zoo.build(*(f"results/{each}.verify.json" for each in PROVEN))
    if find_vulkan_device() is not None:
        zoo.build("results/gpu/planned/fp16.recipe.json")
    proofs = {each: Verification.read(folder / f"results/{each}.verify.json") for each in PROVEN}
    recipes = {
        model: Fp16Recipe.read(folder / f"results/a76/{model}/fp16.recipe.json")
        for model in ("atto", "lite0")
    }
    level = {each: proof.numbers.sqnr_db for each, proof in proofs.items() if proof.numbers}
    here, there, plain, error, apart = int8_here_and_there(zoo, reference)
    seconds = sum(seconds_of(folder, f"verify/a76/atto/{each}") for each in ("fp32", "fp16", "int8"))
    return [
        Row("atto fp16 here, dB", level["cpu/atto/fp16"]),
        Row("atto fp16 on the target without masks, dB", level["a76/atto_plain/fp16"]),
        Row("atto fp16 on the target, dB", level["a76/atto/fp16"], 58, 65),
        Row("  share of multiply-adds masked", recipes["atto"].share, 0.5, 0.4, most=True),
        Row(f"atto int8, the target's file here, dB, {PHOTOS} photographs", here),
        Row("atto int8 on the target without masks, dB", plain),
        Row("atto int8 on the target, dB", there, round(here - 0.3, 2)),
        Row("  share of multiply-adds that are float and masked", float_masked(zoo, "a76/atto/int8")),
        Row("  standard error of the difference, dB", error),
        Row("  the answers there to those here, dB", apart),
        Row("lite0 fp16 here, dB", level["cpu/lite0/fp16"]),
        Row("lite0 fp16 on the target without masks, dB", level["a76/lite0_plain/fp16"]),
        Row("lite0 fp16 on the target, dB", level["a76/lite0/fp16"], 44, 47),
        Row("  share of multiply-adds masked", recipes["lite0"].share),
        Row("atto's recipe, s", seconds_of(folder, "fp16_recipe/a76/atto")),
        Row("verification of atto's fp32, fp16 and int8 there, s", seconds, 300, 120, most=True),
    ]


def table(folder: Path) -> list[str]:
    """What masks give and take, as docs/targets.md has it."""
    lines = ["| | no masks | masks | share of multiply-adds | all masks |", "|---|---|---|---|---|"]
    for what, where in TABLE.items():
        path = folder / f"results/{where}/fp16.recipe.json"
        if path.is_file():
            made = Fp16Recipe.read(path)
            levels = [f"{each or 0:.1f}" for each in (made.before_db, made.after_db, made.all_db)]
            lines.append(f"| {what} | {levels[0]} | {levels[1]} | {100 * made.share:.0f} % | {levels[2]} |")
    return lines


def int8_here_and_there(zoo: Zoo, reference: Path) -> tuple[float, float, float, float, float]:
    """The SQNR of the target's int8 file to fp32 here, in dB, here, on the target, and there without its
    masks; the standard error of the difference between here and there, by photograph; and the SQNR of the
    target's answers to those here."""
    target = Target("a76", "cortex-a76", PHOTOS, agent=str(zoo.folder / "results/targets/aarch64/agent"))
    photos = spread(samples(ImageSet("val", path=reference / "imagenette128/val")), PHOTOS)
    folder = zoo.folder / "results/a76/atto"
    int8, plain = ((folder / f"{name}.param", folder / f"{name}.bin") for name in ("int8", "int8.plain"))
    without_masks(int8, plain)
    artifacts = (
        zoo.artifact("atto", "fp32"),
        Artifact("atto", "cpu", "int8", "ncnn", "int8", int8),
        Artifact("atto", "a76", "int8", "ncnn", "int8", int8, target),
        Artifact("atto", "a76", "int8", "ncnn", "int8", plain, target),
    )
    fp32, *answers = (run(each, photos, zoo.feed("atto"), 2)[0] for each in artifacts)
    here, there, _ = answers
    before, after = (np.square(each[0] - fp32[0], dtype=np.float64).sum(axis=1) for each in (here, there))
    error = 10 / np.log(10) * np.sqrt(PHOTOS) * (after - before).std(ddof=1) / before.sum()
    levels = [decibels(noise(fp32, each)) for each in answers]
    return levels[0], levels[1], levels[2], float(error), decibels(noise(here, there))


def without_masks(files: tuple[Path, Path], plain: tuple[Path, Path]) -> None:
    """Write the same file with no layer's mask."""
    graph = read_graph(*files)
    mask = AnyLayer.FEATURE_MASK
    bare = [
        replace(layer, params={key: value for key, value in layer.params.items() if key != mask})
        for layer in graph.layers
    ]
    write_graph(Graph(tuple(bare)), *plain)


def float_masked(zoo: Zoo, artifact: str) -> float:
    """Share of a file's multiply-adds that are neither int8 nor float16 where that can be computed in."""
    files = [zoo.folder / f"results/{artifact}.{end}" for end in ("param", "bin")]
    counts, graph = multiply_adds(files, zoo.feed("atto").shapes), read_graph(*files)
    masked = [
        count
        for name, count in counts.items()
        if graph[name].param(AnyLayer.FEATURE_MASK) & 1 and not computes_int8(graph[name])
    ]
    return sum(masked) / sum(counts.values())


def seconds_of(folder: Path, job: str) -> float:
    """What a job took by the clock, as Snakemake measured it."""
    with (folder / f"results/logs/{job}.benchmark.tsv").open() as file:
        return float(next(csv.DictReader(file, delimiter="\t"))["s"])


if __name__ == "__main__":
    main()
