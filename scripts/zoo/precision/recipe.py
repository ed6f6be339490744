"""A model's fp16 recipe for a device: its masks, planned, then measured on more images."""

from collections.abc import Sequence
from dataclasses import replace

from zoo.config.records.fp16_recipe import LOSS, OVERFLOW, READS, Fp16Recipe, MaskedLayer
from zoo.config.records.proof import RuntimeInfo
from zoo.images.inputs import Feed
from zoo.images.sets import Sample, spread
from zoo.jobs.scratch import scratch
from zoo.measure.multiply_adds import multiply_adds
from zoo.ncnn.fp16 import to_fp16
from zoo.ncnn.graph import Graph, write_files
from zoo.ncnn.masks import ARITHMETIC, STORAGE, masked, readers
from zoo.ncnn.pair import Pair
from zoo.precision.noise import decibels, noise
from zoo.precision.overflow import overflowing, peaks
from zoo.precision.planner import Plan, Planner, Wanted
from zoo.precision.trials import Masks, Trials
from zoo.runners.artifact import Artifact
from zoo.runners.inference import MEMORY_MB, run
from zoo.runners.on_target.foreseen import announce

PROBES, PROBES_OF_LARGE = 4, 2
"""Images that what each layer does is measured on."""
LARGE = 50_000_000
"""Weights of a model that takes long."""
PEAKS = 16
"""Images that outputs in fp32 are looked at for overflow on."""
IMAGES = 8
"""Images that a recipe is measured on, where a device has no number of its own."""


def make_recipe(
    artifact: Artifact,
    fp32: Pair,
    samples: Sequence[Sample],
    feed: Feed,
    wanted: Wanted,
    threads: int,
    memory_mb: float = MEMORY_MB,
) -> Fp16Recipe:
    """The masks of a model's fp16 file on a device.

    artifact: that file where it is to run; it need not be there, for it is made of fp32's in a folder beside.
    samples: calibration images, of which a few are taken. Raises what `Planner.plan` raises.
    """
    found = overflowing(peaks(fp32.files, spread(samples, PEAKS), feed, threads))
    counts = multiply_adds(fp32.files, feed.shapes)
    shares = {name: count / max(sum(counts.values()), 1) for name, count in counts.items()}
    probes = PROBES_OF_LARGE if fp32.graph.parameters > LARGE else PROBES
    with scratch(artifact.files[0]) as folder:
        graph = to_fp16(fp32.graph)
        unmasked = replace(artifact, files=(folder / "fp16.param", folder / "fp16.bin"))
        write_files(graph, *unmasked.files)
        judged = spread(samples, (artifact.target and artifact.target.samples) or IMAGES)
        probed = spread(samples, probes)
        runs = 3 * (len(probed) + len(judged))
        trials = Trials(unmasked, fp32.files, probed, feed, threads, memory_mb, runs)
        announce(unmasked, sum(counts.values()), runs, trials.processes, trials.announcement)
        plan = Planner(trials, graph, shares, wanted).plan(tuple(found))
        levels, runtime = _measured(trials, graph, plan, judged)
    layers = _layers(graph, plan, shares, found)
    return Fp16Recipe(
        model=artifact.model,
        device=artifact.device,
        runtime=runtime,
        images=len(judged),
        probes=len(trials.probes),
        before_db=levels[0],
        after_db=levels[1],
        all_db=levels[2],
        share=sum(layer.share for layer in layers),
        min_sqnr_db=wanted.asked,
        layers=layers,
    )


def _measured(
    trials: Trials, graph: Graph, plan: Plan, judged: Sequence[Sample]
) -> tuple[list[float | None], RuntimeInfo]:
    """The SQNR with no masks, with those of the plan and with all, and what it was measured on."""
    expected = trials.fp32_outputs(judged)
    levels: dict[Masks, float | None] = {}
    wanted = Masks(), plan.masks, plan.everything
    for masks in dict.fromkeys(wanted):
        param, weights = trials.artifact.files
        files = param.with_name("masks.param"), weights.with_name("masks.bin")
        write_files(masked(graph, *masks), *files)
        file = replace(trials.artifact, files=files)
        outputs, runtime = run(file, judged, trials.feed, trials.threads, trials.memory_mb)
        left = noise(expected, outputs)
        levels[masks] = decibels(left) if left.max(initial=0.0) < float("inf") else None
    return [levels[masks] for masks in wanted], runtime


def _layers(
    graph: Graph, plan: Plan, shares: dict[str, float], peaks: dict[str, float]
) -> tuple[MaskedLayer, ...]:
    """What the record says of each layer, in the graph's order."""
    reads = readers(graph, plan.masks.storage)
    found: dict[str, tuple[int, str, float | None]] = dict.fromkeys(reads, (STORAGE, READS, None))
    found |= dict.fromkeys(plan.masks.storage, (STORAGE, OVERFLOW, None))
    for name in plan.masks.arithmetic:
        overflows = name in plan.overflowing
        found[name] = (ARITHMETIC, OVERFLOW if overflows else LOSS, plan.choice.gains.get(name))
    return tuple(
        MaskedLayer(
            layer.name, layer.type, mask, reason, shares.get(layer.name, 0.0), gain, peaks.get(layer.name)
        )
        for layer in graph.layers
        if layer.name in found
        for mask, reason, gain in [found[layer.name]]
    )
