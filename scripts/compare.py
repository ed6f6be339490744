"""How two artifacts differ, layer by layer: python scripts/compare.py A B photo.jpg

A and B are any of their files: .param, .onnx or .pt. B's difference is to A.
"""

import argparse
import sys
from pathlib import Path

from zoo.errors import ZooError
from zoo.images.decode import read_inputs
from zoo.images.sets import Sample
from zoo.jobs.files import replacing
from zoo.measure.compare import check_same_model, comparable, compare
from zoo.report.comparison import as_csv, plot, table
from zoo.runners.artifact import find_artifact


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("first", type=Path, metavar="A", help="the artifact that counts as right")
    parser.add_argument("second", type=Path, metavar="B", help="the artifact that is compared with it")
    parser.add_argument("image", type=Path, help="an image file, or an .npz file with arrays of all inputs")
    parser.add_argument("--card", type=Path, help="the model card, where an artifact lies outside of a zoo")
    parser.add_argument("--device", choices=("cpu", "gpu"), help="default: that of each artifact's folder")
    parser.add_argument("--csv", type=Path, help="also write the table to this file")
    parser.add_argument("--plot", type=Path, help="also write a chart, an .html file that opens offline")
    options = parser.parse_args()
    try:
        print(report(options))
    except (ZooError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def report(options: argparse.Namespace) -> str:
    (first, card), (second, other) = (
        find_artifact(path, options.card, options.device) for path in (options.first, options.second)
    )
    check_same_model(card, other)
    inputs = read_inputs(Sample(options.image.name, options.image), card.feed)
    differences = compare(first, second, inputs)
    if options.csv is not None:
        write(as_csv(differences), options.csv)
    if options.plot is not None:
        write(plot(first, second, differences), options.plot)
    note = "" if comparable(first, second) else "; outputs only, for the formats do not name the same layers"
    return f"{second} against {first}, {options.image.name}{note}\n\n{table(differences)}"


def write(text: str, path: Path) -> None:
    with replacing(path) as (temporary,):
        temporary.write_text(text)


if __name__ == "__main__":
    sys.exit(main())
