"""Time an artifact where it lies, beside ncnn's fp32 of the same model."""

import click

from zoo.cli.program import COUNT, Program, as_json, card_option, print_json
from zoo.config.artifacts import ARTIFACTS
from zoo.config.records.benchmark import Benchmark
from zoo.errors import ZooError
from zoo.measure.benchmark import BenchSettings, benchmark
from zoo.measure.timing import RUNS, ncnn_fp32
from zoo.runners.artifact import Artifact, find_artifact


@click.command(cls=Program)
@click.argument("artifact")
@click.option("--runs", type=COUNT, default=RUNS, show_default=True, help="Of each, in turn.")
@card_option("the artifact")
@as_json("print the record of the benchmark")
def bench(artifact: str, runs: int, card: str | None, json_wanted: bool) -> None:
    """Time an artifact here and now, in turn with ncnn's fp32 that lies beside it: at one thread and at all,
    and how many images a second several at once make. No record is written.

    ARTIFACT is a file of a zoo by its name there, such as int8.param, fp32.onnx or torchscript.pt in
    results/cpu/MODEL.
    """
    found, described = find_artifact(artifact, card)
    beside = [found.files[0].with_name(name) for name in ARTIFACTS["fp32"].files]
    if missing := [file for file in beside if not file.is_file()]:
        raise ZooError(
            f"{missing[0]}: there is no such file, and times are told beside fp32's; bring it here"
        )
    shapes = described.feed.shapes
    timed = benchmark(found, ncnn_fp32(found, beside), shapes, BenchSettings(runs=runs))
    print_json(timed.to_dict()) if json_wanted else click.echo(_in_words(found, timed))


def _in_words(artifact: Artifact, timed: Benchmark) -> str:
    lines = [f"{artifact} on {timed.hardware.gpu or timed.hardware.cpu}, {timed.bytes / 1e6:.2f} MB"]
    for each in timed.latency:
        lines.append(
            f"  {each.threads} thread{'s' * (each.threads > 1)}: {each.median_ms:.2f} ms (10 to 90 %: "
            f"{each.p10_ms:.2f} to {each.p90_ms:.2f}), {each.ratio:.2f} of fp32's time"
        )
    if timed.throughput:
        lines.append(f"  {timed.throughput.fps:.1f} images a second")
    return "\n".join([*lines, f"  {timed.peak_memory_bytes / 2**20:.0f} MiB of memory"])
