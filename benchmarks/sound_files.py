"""What sound files reach, beside the gates that hold where config.yaml says nothing.

    python benchmarks/sound_files.py [--folder DIR] [--models NAME …] [--images 16] [--reference DIR]

Builds each model's ncnn files as `snakemake` does, in a zoo of its own in `--folder` (by default one that is
removed at the end): a dozen small architectures of timm with random weights, and one with real ones from a
package, one after the other. It prints the SQNR of each verification and of each search, and fails if a file
is less than `MARGIN` dB above its gate. In `--folder` a run goes on where one ended. `--reference` adds a
trained ConvNeXt-atto, see `fidelity.py`.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "scripts"))

from zoo.config.records.verification import Verification
from zoo.config.settings import DEFAULT_GATES

MARGIN = 3.0
"""A gate is to be so many dB below what sound files reach."""

SIDES = {
    "convnext_atto": 96,
    "convnextv2_atto": 96,
    "resnet18": 96,
    "mobilenetv3_small_050": 96,
    "mobilenetv4_conv_small": 96,
    "efficientnet_lite0": 96,
    "vit_tiny_patch16_224": 224,
    "edgenext_xx_small": 128,
    "repvit_m0_9": 128,
    "ghostnet_050": 96,
    "regnetx_002": 96,
    "mnasnet_small": 96,
    "densenet121": 64,
    "fastvit_t8": 128,
}
"""An architecture with random weights, and the side of its images."""

PRECISIONS = ("fp32", "fp16", "bf16", "w8", "int8")


def configuration(names: list[str], images: int, reference: Path | None) -> dict[str, Any]:
    """The zoo: few images, one recipe, and gates that nothing misses."""
    own = yaml.safe_load((PROJECT / "config.yaml").read_text())
    models = {
        name: {"timm": name, "weights": {"random": 0}, "preprocess": {"size": [side, side]}}
        for name, side in SIDES.items()
        if name in names
    }
    if "tf_efficientnet_lite0" in names:
        models["tf_efficientnet_lite0"] = own["models"]["tf_efficientnet_lite0"]
    if reference is not None:
        models["atto"] = trained(reference)
    few = {"calibration": images, "verification": images, "evaluation": 8}
    choices = {purpose: {**own["defaults"][purpose], "images": count} for purpose, count in few.items()}
    return {
        "devices": ["cpu"],
        "gates": "none",
        "int8": {"recipe": "local"},
        "image_sets": own["image_sets"],
        "defaults": choices,
        "models": models,
    }


def trained(reference: Path) -> dict[str, Any]:
    """The entry of the ConvNeXt-atto that is kept elsewhere."""
    return {
        "timm": "convnext_atto",
        "args": {"num_classes": 10},
        "weights": {"file": str(reference / "convnext_atto_imagenette.safetensors")},
        "preprocess": {"size": [128, 128], "crop_pct": 1.0},
    }


def prepare(folder: Path, values: dict[str, Any]) -> None:
    """A zoo of the project's code with that configuration."""
    for name in ("Snakefile", "rules", "scripts", "calib", "profiles"):
        if not (folder / name).exists():
            (folder / name).symlink_to(PROJECT / name)
    (folder / "config.yaml").write_text(yaml.safe_dump(values))


def build(folder: Path, model: str) -> None:
    """Verify every precision of a model; what cannot be built is left out."""
    targets = [f"results/cpu/{model}/{each}.verify.json" for each in PRECISIONS]
    command = [sys.executable, "-m", "snakemake", "-j2", "--keep-going", *targets, "--quiet", "all"]
    subprocess.run(command, cwd=folder)


def row(place: Path) -> tuple[str, list[str]]:
    """A line for a model, and a sentence for each file that is not there or too near its gate."""
    figures, searched, near = [], "", []
    for precision in PRECISIONS:
        path = place / f"{precision}.verify.json"
        numbers = (found := Verification.read(path)).numbers if path.exists() else None
        figures.append(f"{numbers.sqnr_db:8.1f}" if numbers else f"{'-':>8}")
        gate = DEFAULT_GATES[precision].min_sqnr_db
        if numbers is None:
            near.append(f"{place.name} {precision}: it could not be built and run")
        elif gate is not None and numbers.sqnr_db < gate + MARGIN:
            near.append(f"{place.name} {precision}: {numbers.sqnr_db:.1f} dB, the gate is {gate:g}")
        if numbers and found.searched:
            searched = f"{found.searched.searched_db:8.1f}, now {found.searched.sqnr_db:.1f}"
    return f"{place.name:<24}{''.join(figures)}{searched}", near


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--models", nargs="*", default=[*SIDES, "tf_efficientnet_lite0"])
    parser.add_argument("--images", type=int, default=16, help="for calibration, and for verification")
    parser.add_argument("--reference", type=Path)
    options = parser.parse_args()
    reference = options.reference and options.reference.resolve()
    values, near = configuration(options.models, options.images, reference), []
    print("SQNR to the original model in torch, dB")
    print(f"{'':<24}" + "".join(f"{each:>8}" for each in PRECISIONS) + "   int8 in search")
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        prepare(folder, values)
        for model in values["models"]:
            build(folder, model)
            line, more = row(folder / "results/cpu" / model)
            print(line, flush=True)
            near += more
    print(f"{'gate':<24}" + "".join(f"{DEFAULT_GATES[each].min_sqnr_db:8g}" for each in PRECISIONS))
    if near:
        sys.exit("\n".join(["nearer than " + f"{MARGIN:g} dB to a gate:", *near]))


if __name__ == "__main__":
    main()
