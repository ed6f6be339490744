"""Ask an artifact about images: python scripts/predict.py results/cpu/MODEL/int8.param photo.jpg ..."""

import argparse
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.array_types import Floats
from zoo.errors import ZooError
from zoo.predict import Prediction, Predictor
from zoo.runners import PROGRAMS
from zoo.runners.artifact import find_artifact
from zoo.runners.bounds import apply_to_artifact

FEW = 8
"""So many numbers of an output that are no class scores are shown; of more, the shape and the range."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("artifact", type=Path, help="one of its files: .param, .onnx or .pt")
    parser.add_argument("images", nargs="+", help="image files")
    parser.add_argument("--top", type=count, default=5, help="how many classes to show (default 5)")
    parser.add_argument("--device", choices=("cpu", "gpu"), help="default: that of the artifact's folder")
    parser.add_argument("--card", type=Path, help="the model card, where the artifact lies outside of a zoo")
    parser.add_argument("--threads", type=count, default=1, help="CPU threads (default 1)")
    parser.add_argument("--json", action="store_true", help="print a line of JSON an image")
    options = parser.parse_args()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name need not be UTF-8
    try:
        predictor = opened(options)
    except ZooError as error:
        return fail(error)
    if predictor.caveat:
        print(f"note: {predictor.caveat}", file=sys.stderr)
    describe = as_json if options.json else as_table
    # One image that cannot be read does not keep the others from being answered.
    return max([report(describe, predictor, image, options.top) for image in options.images])


def opened(options: argparse.Namespace) -> Predictor:
    """The predictor, once this process has given up what no model needs if its file is a program."""
    artifact, card = find_artifact(options.artifact, options.card, options.device)
    if artifact.runtime in PROGRAMS:
        apply_to_artifact(artifact.files, artifact.device, own_process=True)
    return Predictor(artifact, card, options.threads)


def report(describe: Callable[[Predictor, str, int], str], predictor: Predictor, image: str, top: int) -> int:
    try:
        print(describe(predictor, image, top), flush=True)
    except ZooError as error:
        return fail(error)
    return 0


def as_table(predictor: Predictor, image: str, top: int) -> str:
    outputs = predictor.outputs(predictor.inputs(image))
    if predictor.classifies:
        lines = [row(each) for each in predictor.ranked(outputs, top)]
    else:
        lines = [f"output {place}: {shape_of(each)}" for place, each in enumerate(outputs)]
    return "\n".join([image, *(f"  {line}" for line in lines)])


def row(prediction: Prediction) -> str:
    return f"{prediction.score:6.1%}  {prediction.index:>4}  {prediction.label or ''}".rstrip()


def shape_of(output: Floats) -> str:
    if output.size <= FEW:
        return " ".join(f"{value:.4g}" for value in output.ravel())
    return f"shape {'x'.join(map(str, output.shape))}, from {output.min():.4g} to {output.max():.4g}"


def as_json(predictor: Predictor, image: str, top: int) -> str:
    outputs = predictor.outputs(predictor.inputs(image))
    if predictor.classifies:
        predictions = [each.to_dict() for each in predictor.ranked(outputs, top)]
        answer: dict[str, Any] = {"output": predictor.card.output, "predictions": predictions}
    else:
        answer = {"outputs": [{"shape": list(each.shape), "values": each.tolist()} for each in outputs]}
    return json.dumps({"image": image, "artifact": str(predictor.artifact)} | answer, ensure_ascii=False)


def count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def fail(error: ZooError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
