"""Ask an artifact about images."""

from collections.abc import Callable
from typing import Any

import click

from zoo.array_types import Floats
from zoo.cli.program import COUNT, DEVICE, Program, as_json, card_option, fail, note, print_json
from zoo.errors import ZooError
from zoo.predict import Prediction, Predictor
from zoo.runners import PROGRAMS
from zoo.runners.artifact import find_artifact
from zoo.runners.bounds import apply_to_artifact

FEW = 8
"""So many numbers of an output that are no class scores are shown; of more, the shape and the range."""


@click.command(cls=Program)
@click.argument("artifact")
@click.argument("images", nargs=-1, required=True)
@click.option("--top", type=COUNT, default=5, show_default=True, help="How many classes to show.")
@click.option("--device", type=DEVICE, help="Default: that of the artifact's folder.")
@card_option("the artifact")
@click.option("--threads", type=COUNT, help="CPU threads (default: 1, or as its options say).")
@as_json("print a line of JSON an image")
def predict(
    artifact: str,
    images: tuple[str, ...],
    top: int,
    device: str | None,
    card: str | None,
    threads: int | None,
    json_wanted: bool,
) -> int:
    """Ask an artifact about images: the classes with the highest scores, or what else it answers.

    ARTIFACT is a file of a zoo by its name there, such as int8.param, fp32.onnx or torchscript.pt in
    results/cpu/MODEL. One that is unverified, or failed, says so.
    """
    predictor = _opened(artifact, card, device, threads)
    if predictor.caveat:
        note(predictor.caveat)
    show = _show_json if json_wanted else _show_table
    # One image that cannot be read does not keep the others from being answered.
    return max([_answer(show, predictor, image, top) for image in images])


def _opened(path: str, card: str | None, device: str | None, threads: int | None) -> Predictor:
    """The predictor, once this process has given up what no model needs if its file is a program."""
    artifact, described = find_artifact(path, card, device)
    if artifact.runtime in PROGRAMS:
        apply_to_artifact(artifact.files, artifact.device, own_process=True)
    return Predictor(artifact, described, threads)


def _answer(show: Callable[[Predictor, str, int], None], predictor: Predictor, image: str, top: int) -> int:
    try:
        show(predictor, image, top)
    except ZooError as error:
        fail(error)
        return 1
    return 0


def _show_table(predictor: Predictor, image: str, top: int) -> None:
    outputs = predictor.outputs(predictor.inputs(image))
    if predictor.classifies:
        lines = [_row(each) for each in predictor.ranked(outputs, top)]
    else:
        lines = [f"output {place}: {_shape(each)}" for place, each in enumerate(outputs)]
    # Not by click.echo, which refuses what a name that is no UTF-8 stands for.
    print("\n".join([image, *(f"  {line}" for line in lines)]), flush=True)


def _row(prediction: Prediction) -> str:
    return f"{prediction.score:6.1%}  {prediction.index:>4}  {prediction.label or ''}".rstrip()


def _shape(output: Floats) -> str:
    if output.size <= FEW:
        return " ".join(f"{value:.4g}" for value in output.ravel())
    return f"shape {'x'.join(map(str, output.shape))}, from {output.min():.4g} to {output.max():.4g}"


def _show_json(predictor: Predictor, image: str, top: int) -> None:
    outputs = predictor.outputs(predictor.inputs(image))
    if predictor.classifies:
        predictions = [each.to_dict() for each in predictor.ranked(outputs, top)]
        answer: dict[str, Any] = {"output": predictor.card.output, "predictions": predictions}
    else:
        answer = {"outputs": [{"shape": list(each.shape), "values": each.tolist()} for each in outputs]}
    print_json({"image": image, "artifact": str(predictor.artifact)} | answer)
