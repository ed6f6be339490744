"""Where the time goes: milliseconds of each layer that can be int8 in each form that it can have.

    python benchmarks/layer_forms.py PARAM BIN CARD STATISTICS [--size 224] [--runs 40]

PARAM and BIN are ncnn's fp32 files, CARD the model card, `results/weights/<model>.json`, STATISTICS the
model's `calibration.npz`. The forms: fp32; int8 with thresholds found beforehand, as planned by local error;
and, for convolutions and heads that can be Gemm, weights in blocks of 128, 64 and 32. All run in turn, one
thread, CPU time, the lower quartile of the runs. With a layer count those that are there for it alone: its
Quantize, Reshape, Permute, activation. Numbers of weights do not matter here, so all is rounded to nearest.
"""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "scripts"))

from zoo.config.records.card import ModelCard
from zoo.images.inputs import random_inputs
from zoo.measure.layer_time import LayerTimes
from zoo.ncnn.graph import Graph, write_files
from zoo.ncnn.group_wise import BLOCK_SIZES
from zoo.ncnn.weights import can_be_int8
from zoo.quantize.apply import apply
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.search.planning import local_recipe
from zoo.search.sensitivity import as_gemm, ms_of_form
from zoo.search.subject import Subject


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("param", "bin", "card", "statistics"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--runs", type=int, default=40)
    options = parser.parse_args()
    subject = Subject.load("", "cpu", options.param, options.bin, options.statistics)
    graph, seen = subject.fp32.graph, subject.statistics
    local = local_recipe(graph, seen).changed(rounding="nearest")
    gemms = as_gemm(subject, local)
    forms: dict[str, Graph] = {"fp32": graph, "int8": apply(graph, seen, local)}
    for size in reversed(BLOCK_SIZES):
        plans = {name: replace(plan, block=size) for name, plan in gemms.items()}
        forms[f"blocks of {size}"] = apply(graph, seen, replace(local, layers={**local.layers, **plans}))
    channels = len(ModelCard.read(options.card).feed.record.mean)
    inputs = random_inputs([(channels, options.size, options.size)])
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "form.param", Path(folder) / "form.bin"
        runners, timed = {}, {}
        for form, made in forms.items():
            write_files(made, *files)
            runners[form] = NcnnRunner(*files, "cpu", 1, precision="fp32" if form == "fp32" else "int8")
            timed[form] = [layer for layer in made.layers if layer.outputs and layer.type != "Input"]
    runs: dict[str, list[list[float]]] = {form: [] for form in forms}
    for _ in range(options.runs):
        for form, runner in runners.items():
            runs[form].append(runner.seconds(inputs, [layer.outputs[0] for layer in timed[form]]))
    names = [layer.name for layer in graph.layers if can_be_int8(layer)]
    table, totals = {}, {}
    for form, made in forms.items():
        ms = np.quantile(runs[form], 0.25, axis=0) * 1e3
        by_layer = dict.fromkeys((layer.name for layer in made.layers), 0.0)
        by_layer |= zip((layer.name for layer in timed[form]), ms.tolist(), strict=True)
        table[form] = ms_of_form(LayerTimes(by_layer, "", False), made, graph, names)
        totals[form] = float(ms.sum())
    info = next(iter(runners.values())).info
    print(f"{info.device}, ncnn {info.version}, {options.size} px, one thread, ms")
    print(f"{'layer':24}" + "".join(f"{form:>15}" for form in forms))
    for name in names:
        shown = [
            f"{table[form][name]:15.3f}" if "blocks" not in form or name in gemms else f"{'-':>15}"
            for form in forms
        ]
        print(f"{name:24}" + "".join(shown))
    print(f"{'the whole model':24}" + "".join(f"{totals[form]:15.3f}" for form in forms))


if __name__ == "__main__":
    main()
