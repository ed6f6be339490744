"""PaddleOCR's three nets, ONNX files that nobody here made, through every ncnn precision, on drawn text.

    pip install --no-deps rapidocr-onnxruntime
    python benchmarks/paddleocr.py --out build/paddleocr [--int8 local]

It draws pictures of text, builds fp32, fp16 and int8 of the detector, the classifier of upside-down lines and
the recogniser with snakemake, as a user would whose config.yaml names the files, prints a table, and fails
unless each passes the default gates. `--int8` is the recipe: auto, the default, searches for 30 dB.
"""

import argparse
import json
import random
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import yaml
from PIL import Image, ImageDraw, ImageFont

HOME = Path(__file__).resolve().parents[1]
PACKAGE = "rapidocr-onnxruntime"
NETS = {
    "det": ("*_det_infer.onnx", [320, 320]),
    "cls": ("*_cls_infer.onnx", [48, 192]),
    "rec": ("*_rec_infer.onnx", [48, 320]),
}
"""What the file of each net is called, and the height and width of the pictures that it is built for."""
PRECISIONS = ("fp32", "fp16", "int8")
WORDS = sorted(set(re.findall(r"\b[A-Za-z]{4,12}\b", (HOME / "LICENSE").read_text(encoding="utf-8"))))
"""Of letters drawn at random the recogniser is unsure, so that any rounding turns one into another."""
IMAGES = {"calibration": 192, "verification": 48}
"""A quarter of the former judges the search: a line that the classifier is unsure of is one in fifty."""
TARGET_DB = 30
"""What the search for int8 is asked for."""


def draw(folder: Path, size: list[int], seed: int, count: int) -> None:
    """Pictures of words on plain grounds: one line that fills a low one, several lines else; drawn once."""
    folder.mkdir(parents=True, exist_ok=True)
    if len(list(folder.glob("*.png"))) == count:
        return
    chance, (height, width) = random.Random(seed), size
    for index in range(count):
        ground, ink = chance.randint(150, 255), chance.randint(0, 90)
        picture = Image.new("RGB", (width, height), (ground, ground, chance.randint(150, 255)))
        pen, line = ImageDraw.Draw(picture), height if height < 100 else chance.randint(36, 60)
        for top in range(0, height - line + 1, line):
            words = chance.choice(WORDS)
            font = ImageFont.load_default(size=line * chance.uniform(0.5, 0.8))
            pen.text((chance.randint(2, 16), top + line // 10), words, fill=(ink, ink, ink), font=font)
        turned = picture.rotate(180) if height < 100 and width < 200 and index % 2 else picture
        turned.save(folder / f"{index:03d}.png")


def entry(net: str, out: Path) -> dict[str, object]:
    """A net's entry in config.yaml."""
    pattern, size = NETS[net]
    (file,) = (each for each in distribution(PACKAGE).files or () if each.match(pattern))
    sets = {"calibration": "calibration", "verification": "verification", "evaluation": "verification"}
    return {
        "onnx": str(file.locate()),
        "task": "other",
        "preprocess": {
            "size": size,
            "crop_pct": 1.0,
            "crop_mode": "squash",
            "mean": [0.5] * 3,
            "std": [0.5] * 3,
        },
        "artifacts": list(PRECISIONS),
        **{
            purpose: {"path": str(out / net / name), "images": IMAGES[name]} for purpose, name in sets.items()
        },
    }


def build(out: Path, recipe: str, cores: str) -> bool:
    """Build all that can be built; whether that was all there is."""
    config = out / "config.yaml"
    models = {net: entry(net, out) for net in NETS}
    int8 = {"recipe": recipe, **({"target": {"min_sqnr_db": TARGET_DB}} if recipe == "auto" else {})}
    config.write_text(yaml.safe_dump({"devices": ["cpu"], "int8": int8, "models": models}))
    command = [sys.executable, "-m", "snakemake", "--snakefile", HOME / "Snakefile", "--directory", out]
    passed = [f"results/cpu/{net}/{each}.passed" for net in NETS for each in PRECISIONS]
    command += ["--cores", cores, "--keep-going"]
    return not subprocess.run([*command, "--configfile", config, "--", *passed]).returncode


def row(out: Path, net: str, precision: str) -> tuple[str, bool]:
    """A line of the table, and whether the artifact passed both its verification and its gate."""
    stem = out / f"results/cpu/{net}/{precision}"
    record = stem.with_suffix(".verify.json")
    if not record.exists():
        return f"| {net} | {precision} | | | not built |", False
    read = json.loads(record.read_text())
    numbers, verdict = read["numbers"], read["verdict"]
    measured = f"{numbers['sqnr_db']:.1f} | {numbers['cosine']['min']:.6f}" if numbers else " | "
    passed = verdict["passed"] and stem.with_suffix(".passed").exists()
    return f"| {net} | {precision} | {measured} | {'; '.join(verdict['failures']) or 'passed'} |", passed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--int8", default="auto", metavar="RECIPE")
    parser.add_argument("--cores", default="2")
    given = parser.parse_args()
    out = given.out.resolve()
    for net, (_, size) in NETS.items():
        for seed, (name, count) in enumerate(IMAGES.items()):
            draw(out / net / name, size, seed, count)
    built = build(out, given.int8, given.cores)
    rows = [row(out, net, each) for net in NETS for each in PRECISIONS]
    print("| net | artifact | SQNR, dB | cosine, worst image | verdict |", "|---|---|---|---|---|", sep="\n")
    print(*(line for line, _ in rows), sep="\n")
    sys.exit(not (built and all(passed for _, passed in rows)))


if __name__ == "__main__":
    main()
