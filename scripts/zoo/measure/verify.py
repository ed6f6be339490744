"""Verification of an artifact: its structure, its numbers against torch, and a verdict."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from zoo.array_types import FLOAT16_MAX, Arrays
from zoo.config.artifacts import FEW_BITS
from zoo.config.records.proof import RuntimeInfo
from zoo.config.records.verification import (
    Closeness,
    ClosenessAtShapes,
    Divergence,
    LayerDifference,
    Numbers,
    SearchedCloseness,
    Structure,
    Verdict,
    Verification,
)
from zoo.errors import ArtifactError, ZooError
from zoo.jobs.isolation import attempted
from zoo.measure.closeness import closeness
from zoo.measure.divergence import Moved, divergence
from zoo.measure.gates import failures, layer_threshold, search_failures
from zoo.measure.reference_set import ReferenceSet, SearchImages
from zoo.measure.structure import ROUNDINGS, OnnxForm, check_structure, file_facts, strays
from zoo.ncnn.graph import Graph, read_param
from zoo.ncnn.masks import stores_float32
from zoo.ncnn.param_ids import Convolution, Int8ScaleTerm
from zoo.runners.artifact import Artifact
from zoo.runners.inference import MEMORY_MB, processes_for, run
from zoo.runners.on_target.foreseen import announce
from zoo.runners.output_bounds import output_bounds
from zoo.runners.reference import outputs, shaped_like

FLOAT16 = ("fp16", "w8", *FEW_BITS, "int8")
"""Precisions of ncnn whose float numbers the runtime may hold in float16, see `zoo.ncnn.options`."""

PROBES = 2
"""Images that the outputs of all layers are compared on."""


def verify(
    artifact: Artifact,
    against: ReferenceSet,
    fp32: Sequence[Path] | None,
    gates: Mapping[str, float],
    threads: int,
    memory_mb: float = MEMORY_MB,
    search: SearchImages | None = None,
    moved: Callable[[Graph], Moved] | None = None,
    form: OnnxForm | None = None,
    masks: Callable[[Graph], Graph] | None = None,
) -> Verification:
    """The verification of an artifact, whatever the verdict.

    fp32: ncnn's fp32 pair, to compare layers and weights with, for an ncnn artifact. gates: see
    `gate_failures`. search: what a search judged the artifact by, if one chose it. moved: which blobs of the
    artifact's graph are moved on purpose, see `divergence`. form: what an ONNX file must be. masks: see
    `strays`. A part that could not be made is None, and the verdict says why. Raises ZooError only for what
    is no fault of the artifact: unreadable images, no Vulkan device, files that changed meanwhile, or a
    process that was killed from outside twice.
    """
    structure, against = (
        check_structure(artifact.runtime, artifact.files, form),
        against.for_artifact(artifact),
    )
    check = _Check(artifact, against, gates, threads, memory_mb, structure, moved)
    if check.structure.ok:
        check.announce(layers=bool(fp32))
        try:
            attempted(check.compare_outputs)
            if search is not None:
                attempted(partial(check.compare_with_search, search))
            if fp32 and not (artifact.device == "cpu" and tuple(fp32) == artifact.files):
                attempted(partial(check.compare_layers, fp32))
            if fp32 and artifact.precision in ROUNDINGS:
                check.failures += strays(artifact.files, fp32, artifact.precision, masks)
            if against.feed.second() is not None:
                attempted(check.compare_at_second_shape)
        except ArtifactError as error:
            check.failures.append(str(error))
    check.refuse_changed_files()
    return check.verification()


@dataclass
class _Check:
    """A verification in the making: what is verified, and the parts that are made so far."""

    artifact: Artifact
    against: ReferenceSet
    gates: Mapping[str, float]
    threads: int
    memory_mb: float
    structure: Structure
    moved: Callable[[Graph], Moved] | None
    failures: list[str] = field(init=False)
    runtime: RuntimeInfo | None = None
    numbers: Closeness | None = None
    second: ClosenessAtShapes | None = None
    divergence: Divergence | None = None
    searched: SearchedCloseness | None = None

    def __post_init__(self) -> None:
        self.failures = list(self.structure.problems)

    def announce(self, layers: bool) -> None:
        """Say so if it will take long. layers: whether they are compared, too."""
        against = self.against
        processes = processes_for(self.artifact, len(against.samples), self.threads, self.memory_mb)
        runs = len(against.samples) * (2 if against.feed.second() else 1)
        runs += PROBES * processes if layers else 0  # which one process does
        announce(self.artifact, against.multiply_adds, runs, processes)

    def compare_outputs(self) -> None:
        """The outputs with the original model's."""
        samples, feed, reference = self.against.samples, self.against.feed, self.against.reference
        computed, self.runtime = outputs(
            self.artifact, samples, feed, reference, self.threads, self.memory_mb
        )
        self.numbers = closeness(reference.outputs, computed, reference.names, reference.classifies)
        self.failures += failures(computed, reference.names, self.numbers, self.gates)
        self.failures += excites_nothing(self.artifact, reference.outputs, self.against.name)

    def compare_with_search(self, search: SearchImages) -> None:
        """The outputs with fp32's, on the images that the search judged the artifact by."""
        self.searched = search.closeness(self.artifact, self.threads, self.memory_mb)
        self.failures += search_failures(self.searched, self.gates)

    def compare_layers(self, fp32: Sequence[Path]) -> None:
        """Each layer with ncnn's fp32, on a few images."""
        probes, threshold = self.against.samples[:PROBES], layer_threshold(self.gates)
        feed, graph = self.against.feed, Graph(read_param(self.artifact.files[0]).layers)
        moved = self.moved(graph) if self.moved else {}
        self.divergence = divergence(self.artifact, fp32, probes, feed, threshold, self.threads, moved)
        if self.artifact.precision in FLOAT16:
            stays = [each for each in self.divergence.layers if each.layer not in _no_float16(graph)]
            self.failures += overflows(stays, self.artifact.precision)

    def compare_at_second_shape(self) -> None:
        """The outputs of a dynamic model at the other shape that it must take."""
        feed, reference = self.against.feed.second(), self.against.reference
        assert feed is not None
        if reference.second is None:
            raise ZooError("the reference outputs lack those of the second shape; build them again")
        computed, _ = run(self.artifact, self.against.samples, feed, self.threads, self.memory_mb)
        computed = shaped_like(self.artifact, computed, reference.second)
        numbers = closeness(reference.second, computed, reference.names, reference.classifies)
        self.second = ClosenessAtShapes(**vars(numbers), shapes=feed.shapes)
        missed = failures(computed, reference.names, numbers, self.gates)
        self.failures += [f"with the second shape, {failure}" for failure in missed]

    def refuse_changed_files(self) -> None:
        """Raises ZooError if the bytes are no longer those that verification began with."""
        if file_facts(self.artifact.files) != self.structure.files:
            raise ZooError(
                "its files changed while they were verified; run again when nothing writes to them"
            )

    def verification(self) -> Verification:
        """The record of all that was found."""
        numbers = None
        if self.numbers is not None:
            numbers = Numbers(
                **vars(self.numbers),
                image_set=self.against.name,
                images_sha256=self.against.identity,
                left_out=self.against.left_out,
                second=self.second,
                part_of=self.against.part_of,
            )
        return Verification(
            **self.artifact.heading(),
            runtime=self.runtime,
            structure=self.structure,
            numbers=numbers,
            divergence=self.divergence,
            verdict=Verdict(not self.failures, tuple(self.failures), dict(self.gates)),
            searched=self.searched,
            options=self.artifact.options,
        )


NOTHING = 0.001
"""Outputs of no more than this share of what they can be are none."""


def excites_nothing(artifact: Artifact, reference: Arrays, images: str) -> list[str]:
    """A sentence if none of the original's outputs, each (images, …), is more than nothing for any image.

    What is compared is then the noise of the arithmetic, and a model that answers nothing at all would do as
    well. images: the name of the set.
    """
    bounds: Sequence[float | None] = [None] * len(reference)
    if artifact.runtime != "torch":
        bounds = output_bounds(artifact.files, shares=False)
    reached = [float(np.abs(each).max(initial=0.0)) for each in reference]
    if any(reach > NOTHING * (bound or 0) for reach, bound in zip(reached, bounds, strict=True)):
        return []
    return [
        f"the original's outputs for the images of {images} are at most {max(reached):.2g}"
        f"{', and can be 1' if any(bounds) else ''}: these images excite nothing in the model and judge "
        "nothing; give others that have in them what it looks for (verification: {path: …})"
    ]


def _no_float16(graph: Graph) -> set[str]:
    """The layers whose output no float16 has to hold: it stays int8, or has a mask that keeps it float32."""
    convolutions = (layer for layer in graph.layers if layer.type in ("Convolution", "ConvolutionDepthWise"))
    requantized = {
        layer.name
        for layer in convolutions
        if layer.param(Convolution.INT8_SCALE_TERM) >= Int8ScaleTerm.REQUANTIZED
    }
    return requantized | {layer.name for layer in graph.layers if stores_float32(layer)}


def overflows(layers: Iterable[LayerDifference], precision: str = "fp16") -> list[str]:
    """A sentence if float16 cannot hold the output of one of the layers, which are those of a divergence.

    It is the output in fp32 that counts: a CPU that stores float16 and computes in float32, as x86, hides it.
    """
    within = "" if precision == "fp16" else f", in which {precision} keeps what it does not keep in int8,"
    for layer in layers:
        if layer.peak > FLOAT16_MAX:
            return [
                f"fp16 overflow in layer {layer.layer} ({layer.type}): its output reaches {layer.peak:.4g}, "
                f"and float16{within} ends at {FLOAT16_MAX:.0f}; use fp32, or scale the layer down"
            ]
    return []
