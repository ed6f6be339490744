"""What sound files reach, beside the gates that hold where config.yaml says nothing.

    python benchmarks/sound_files.py [--folder DIR] [--models NAME …] [--reference DIR]

Builds each model's ncnn files as `snakemake` does, in a zoo of its own in `--folder` (by default one that is
removed at the end): a dozen small architectures of timm with random weights, and one with real ones from a
package. It prints the SQNR of each verification and of each search, and fails if a file is less than
`MARGIN` dB above its gate. `--reference` adds a trained ConvNeXt-atto, see `fidelity.py`.
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


def configuration(names: list[str], reference: Path | None) -> dict[str, Any]:
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
    few = {"calibration": 32, "verification": 32, "evaluation": 8}
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


def build(folder: Path, names: list[str], reference: Path | None) -> None:
    """Verify every precision of every model; a model that cannot be built is left out."""
    for name in ("Snakefile", "rules", "scripts", "calib", "profiles"):
        if not (folder / name).exists():
            (folder / name).symlink_to(PROJECT / name)
    values = configuration(names, reference)
    (folder / "config.yaml").write_text(yaml.safe_dump(values))
    targets = [f"results/cpu/{model}/{each}.verify.json" for model in values["models"] for each in PRECISIONS]
    command = [sys.executable, "-m", "snakemake", "-j2", "--keep-going", *targets, "--quiet", "all"]
    subprocess.run(command, cwd=folder)


def table(folder: Path) -> tuple[list[str], list[str]]:
    """A line for each model, and a sentence for each file too near its gate."""
    lines, near = [f"{'':<24}" + "".join(f"{each:>8}" for each in PRECISIONS) + "   int8 in search"], []
    for place in sorted((folder / "results/cpu").iterdir()):
        figures, searched = [], ""
        for precision in PRECISIONS:
            path = place / f"{precision}.verify.json"
            numbers = (found := Verification.read(path)).numbers if path.exists() else None
            figures.append(f"{numbers.sqnr_db:8.1f}" if numbers else f"{'-':>8}")
            gate = DEFAULT_GATES[precision].min_sqnr_db
            if numbers and gate is not None and numbers.sqnr_db < gate + MARGIN:
                near.append(f"{place.name} {precision}: {numbers.sqnr_db:.1f} dB, the gate is {gate:g}")
            if numbers and found.searched:
                searched = f"{found.searched.searched_db:8.1f}, now {found.searched.sqnr_db:.1f}"
        lines.append(f"{place.name:<24}{''.join(figures)}{searched}")
    gates = "".join(f"{DEFAULT_GATES[each].min_sqnr_db:8g}" for each in PRECISIONS)
    return [*lines, f"{'gate':<24}{gates}"], near


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--models", nargs="*", default=[*SIDES, "tf_efficientnet_lite0"])
    parser.add_argument("--reference", type=Path)
    options = parser.parse_args()
    reference = options.reference and options.reference.resolve()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        build(folder, options.models, reference)
        lines, near = table(folder)
    print("SQNR to the original model in torch, dB", *lines, sep="\n")
    if near:
        sys.exit("\n".join(["nearer than " + f"{MARGIN:g} dB to a gate:", *near]))


if __name__ == "__main__":
    main()
