"""Whether calibration images chosen by coverage are better than as many at random.

    python benchmarks/calibration_choice.py PARAM BIN CARD IMAGES JUDGED [--counts 8 16 32] [--seeds 4]

PARAM and BIN are ncnn's fp32 files of a model and CARD its model card, `results/weights/<model>.json`; IMAGES
is a folder of images to choose from and JUDGED one of images that nothing is chosen by. Every image runs
through the fp32 files once. Of each count, images are chosen at random, by several seeds, and by coverage:
one after the other that which raises most the mean, over the channels of all inputs of layers, of the largest
magnitude seen over that of all images. Printed is the SQNR in dB, to fp32, of the int8 model with everything
planned by its local error and with absmax thresholds, which depend most on what was seen.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "scripts"))

from zoo.array_types import Arrays, Floats
from zoo.calibration.collect import observe, sampling_plan, summed
from zoo.calibration.observation import ImageObservation
from zoo.config.records.card import ModelCard
from zoo.images.decode import load
from zoo.images.sets import ImageSet, samples
from zoo.measure.metrics import sqnr_db
from zoo.ncnn.graph import Graph, write_files
from zoo.ncnn.pair import Pair
from zoo.quantize.apply import apply
from zoo.runners.inference import stacked
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.search.planning import local_recipe, plain_recipe

PIXELS, JUDGED = 64, 200


def by_coverage(seen: Sequence[ImageObservation], count: int) -> list[int]:
    """Places of that many images, greedily; what covers is a maximum, so each step is nearly the best."""
    peaks = np.array([np.concatenate([blob.absmax for blob in image.blobs]) for image in seen])
    shares = peaks / np.maximum(peaks.max(axis=0), 1e-30)
    covered, chosen = np.zeros(shares.shape[1]), []
    for _ in range(count):
        gains = np.maximum(shares, covered).mean(axis=1)
        gains[chosen] = -1
        chosen.append(int(gains.argmax()))
        covered = np.maximum(covered, shares[chosen[-1]])
    return chosen


def coverage(seen: Sequence[ImageObservation], chosen: Sequence[int]) -> float:
    """The mean over channels of the largest magnitude in chosen images over that in all."""
    peaks = np.array([np.concatenate([blob.absmax for blob in image.blobs]) for image in seen])
    return float((peaks[list(chosen)].max(axis=0) / np.maximum(peaks.max(axis=0), 1e-30)).mean())


def answered(graph: Graph, images: Sequence[Arrays], folder: Path) -> Floats:
    files = folder / "run.param", folder / "run.bin"
    write_files(graph, *files)
    runner = NcnnRunner(*files, "cpu", 1, precision="int8")
    return stacked([runner.run(each) for each in images])[0]


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("param", "bin", "card", "images", "judged"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--counts", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--seeds", type=int, default=4)
    options = parser.parse_args()
    fp32, feed = Pair.load(options.param, options.bin), ModelCard.read(options.card).feed
    runner = NcnnRunner(*fp32.files, "cpu", 1, precision="fp32")
    plan = sampling_plan(fp32.graph, PIXELS, seed=0)
    images = samples(ImageSet("images", options.images))
    seen = [observe(plan, runner, sample.name, inputs) for sample, inputs in load(images, feed, 1)]
    judged = [
        inputs for _, inputs in load(samples(ImageSet("judged", options.judged, images=JUDGED)), feed, 1)
    ]
    exact = stacked([runner.run(each) for each in judged])[0]
    print(f"{len(images)} images to choose from, {len(judged)} to judge on; SQNR in dB, planned / absmax")
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1, user_api="blas"):

        def show(what: str, chosen: Sequence[int]) -> None:
            statistics = summed(fp32.graph, plan, (seen[place] for place in chosen))
            recipes = local_recipe(fp32.graph, statistics), plain_recipe(fp32.graph)
            planned, absmax = (
                sqnr_db(exact, answered(apply(fp32.graph, statistics, recipe), judged, Path(folder)))
                for recipe in recipes
            )
            print(
                f"  {what:24} covers {coverage(seen, chosen):.3f}, {planned:.2f} / {absmax:.2f}", flush=True
            )

        for count in options.counts:
            show(f"{count} by coverage", by_coverage(seen, count))
            for seed in range(options.seeds):
                chosen = np.random.default_rng(seed).choice(len(seen), count, replace=False)
                show(f"{count} at random, seed {seed}", chosen.tolist())
        show("all", range(len(seen)))


if __name__ == "__main__":
    main()
