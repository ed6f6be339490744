"""Verify an artifact where it lies, without building anything: on a machine that has no torch, for one."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from zoo.cli import workflow
from zoo.cli.program import COUNT, Program, as_json, print_json
from zoo.config.artifacts import ARTIFACTS
from zoo.config.changes import images_state
from zoo.config.image_choice import images_for
from zoo.config.records.fp16_recipe import Fp16Recipe
from zoo.config.records.verification import Verification
from zoo.errors import ZooError
from zoo.jobs.records import read_json
from zoo.measure.reference_set import ReferenceSet
from zoo.measure.structure import OnnxForm
from zoo.measure.verify import verify as verification_of
from zoo.precision.apply import with_masks
from zoo.quantize.moved import moved_blobs
from zoo.quantize.recipe import Recipe
from zoo.runners.artifact import Artifact, find_artifact


@click.command(cls=Program)
@click.argument("artifact")
@click.option("--threads", type=COUNT, default=2, show_default=True, help="CPU threads.")
@workflow.configured
@as_json("print the record of the verification")
def verify(artifact: str, threads: int, over: tuple[Path, ...], json_wanted: bool) -> int:
    """Verify an artifact as it is, here and now, against what the original model answered when the zoo was
    built (results/reference/MODEL/verification.npz). Nothing is built, and no record is written.

    ARTIFACT is a file of a zoo by its name there, such as results/cpu/MODEL/int8.param. Ends with 1 if
    it does not pass its gates.
    """
    found, card = find_artifact(artifact)
    zoo = workflow.declared(over)
    model = zoo.models[workflow.model_of(found.model, zoo)]
    gates = model.gates(found.precision, found.device)
    gates.pop("max_db_below_search", None)  # what the search measured is with whoever built it
    proof = verification_of(
        found,
        _reference(found, images_for(zoo, model.name, "verification")),
        _fp32(found),
        gates,
        threads,
        form=OnnxForm.of(found.name, model.opset_of(found.name), card),
        **_recipes(found),
    )
    print_json(proof.to_dict()) if json_wanted else click.echo(_in_words(found, proof))
    return int(not proof.verdict.passed)


def _reference(artifact: Artifact, chosen: Any) -> ReferenceSet:
    """The images, and what the original model answered. Raises ZooError if its answers are not at hand."""
    results = artifact.files[0].absolute().parents[2]
    answers, card = (
        results / "reference" / artifact.model / "verification.npz",
        results / "weights" / f"{artifact.model}.json",
    )
    if not answers.is_file():
        raise ZooError(
            f"{answers}: there is no such file; build it, or bring it from where the zoo was built"
        )
    return ReferenceSet.read(chosen.values, images_state(chosen), card, answers)


def _fp32(artifact: Artifact) -> list[Path] | None:
    """ncnn's fp32 beside an ncnn artifact, for the layers; None where it is not at hand."""
    files = [artifact.files[0].with_name(name) for name in ARTIFACTS["fp32"].files]
    return files if artifact.runtime == "ncnn" and all(file.is_file() for file in files) else None


def _recipes(artifact: Artifact) -> dict[str, Any]:
    """What was done to the artifact on purpose, as the recipes beside it say."""
    own, fp16 = (artifact.files[0].with_name(f"{name}.recipe.json") for name in (artifact.name, "fp16"))
    if artifact.precision == "fp16":
        masks = artifact.runtime == "ncnn" and fp16.is_file()
        return {"masks": partial(with_masks, recipe=Fp16Recipe.read(fp16))} if masks else {}
    return {"moved": partial(moved_blobs, recipe=Recipe.from_dict(read_json(own)))} if own.is_file() else {}


def _in_words(artifact: Artifact, proof: Verification) -> str:
    lines = [f"{artifact}: {'passed' if proof.verdict.passed else 'FAILED'}"]
    if numbers := proof.numbers:
        agreement = (
            "" if numbers.top1_agreement is None else f", top-1 agreement {numbers.top1_agreement:.1%}"
        )
        lines.append(
            f"  {numbers.images} images of {numbers.image_set}: SQNR {numbers.sqnr_db:.1f} dB, cosine of the "
            f"worst {numbers.cosine.min:.6f}{agreement}"
        )
    if proof.runtime:
        lines.append(f"  {proof.runtime.name} {proof.runtime.version} on {proof.runtime.device}")
    return "\n".join([*lines, *(f"  {failure}" for failure in proof.verdict.failures)])
