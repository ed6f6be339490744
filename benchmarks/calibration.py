"""How long statistics, table and int8 take from image files, over bare fp32 inference of as many inputs.

    python benchmarks/calibration.py fp32.param fp32.bin images/ [--images 1000] [--size 224] [--threads 2]

Images are taken in turns if the folder has fewer. Both sides are whole processes and use the same number of
threads; the bare one is timed without its start. They alternate, and each figure is printed: wall time, then
CPU time of all processes, which says more on a busy machine.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "scripts"))


def bare(options: argparse.Namespace) -> None:
    """Run one input again and again, as a program that only infers would at best."""
    import numpy as np

    from zoo.runners.ncnn_runner import NcnnRunner

    runner = NcnnRunner(options.param, options.weights, "cpu", options.threads, precision="fp32")
    shape = (3, options.size, options.size)
    image = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    runner.compute((image,))
    started, busy = time.perf_counter(), time.process_time()
    for _ in range(options.images):
        runner.compute((image,))
    print(time.perf_counter() - started, time.process_time() - busy)


def whole(options: argparse.Namespace) -> None:
    """Statistics, an absmax table and int8 files."""
    from zoo.calibration.collect import collect_parallel
    from zoo.images.inputs import Feed
    from zoo.images.preprocess import Preprocess
    from zoo.images.sets import ImageSet, samples
    from zoo.ncnn.graph import write_graph
    from zoo.ncnn.pair import Pair
    from zoo.ncnn.weights import LEVELS
    from zoo.quantize.scales import absmax_scales, quantize, weight_rows
    from zoo.quantize.table import CalibrationTable, write_table

    found = samples(ImageSet("benchmark", options.folder))
    turns = [
        replace(found[index % len(found)], name=f"{index}: {found[index % len(found)].name}")
        for index in range(options.images)
    ]
    files = options.param, options.weights
    fp32 = Pair.load(*files)
    graph = fp32.graph
    feed = Feed.image(Preprocess(size=(options.size, options.size)))
    statistics = collect_parallel(fp32, turns, feed, options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        statistics.save(out / "calibration.npz")
        layers = [layer.name for layer in graph.of_type("Convolution", "InnerProduct")]
        scales = {name: LEVELS / statistics.absmax(name) for name in layers}
        table = CalibrationTable({name: absmax_scales(weight_rows(graph[name])) for name in layers}, scales)
        write_table(table, out / "int8.table")
        write_graph(quantize(graph, table), out / "int8.param", out / "int8.bin")


def timed(what: str) -> tuple[float, float]:
    """Seconds of wall time and of CPU time that `what` takes in a process of its own."""
    before, started = os.times(), time.perf_counter()
    command = [sys.executable, __file__, "--only", what, *sys.argv[1:]]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    after, wall = os.times(), time.perf_counter() - started
    if output:  # it timed the part that counts
        return float(output[0]), float(output[1])
    return wall, sum(after[2:4]) - sum(before[2:4])


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("param", "weights", "folder"):
        parser.add_argument(name, type=Path)
    for name, value in (("images", 1000), ("size", 224), ("threads", 2), ("runs", 3)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--only", choices=("bare", "whole"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        {"bare": bare, "whole": whole}[options.only](options)
        return
    print(f"{options.images} inputs, {options.threads} threads; seconds: wall, CPU")
    best = {}
    for run in range(options.runs):
        for what in ("bare", "whole"):
            wall, busy = timed(what)
            print(f"run {run + 1}  {what:<6} {wall:7.2f} {busy:7.2f}", flush=True)
            best[what] = min((wall, busy), best.get(what, (wall, busy)))
    print(f"ratio of the fastest runs: {best['whole'][0] / best['bare'][0]:.2f} (must be 2.2 at most)")


if __name__ == "__main__":
    main()
