"""What sound files of bf16, w8, w6 and w4 reach on other architectures, beside the default gates.

    python benchmarks/weight_storage.py [ARCHITECTURE ...]

Of timm, from random weights, at the smallest size that each takes, as a sweep has them: ncnn's fp32 pair,
and of it bf16, w8, and w6 and w4 where a layer can have weights of few bits, on a random input and eight of
the pictures that ship. Prints the SQNR to torch in dB and the least cosine, and exits with status 1 if one is
below its gate.
"""

import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "scripts"))

from zoo.calibration.collect import collect_parallel
from zoo.config.artifacts import FEW_BITS
from zoo.config.model_spec import ModelSpec
from zoo.config.settings import DEFAULT_GATES
from zoo.images.decode import load
from zoo.ncnn.bf16 import to_bf16
from zoo.ncnn.graph import write_graph
from zoo.ncnn.pair import Pair
from zoo.quantize.w8 import to_w8
from zoo.search import subject as search
from zoo.search.few_bits import Choices, layers_for_blocks
from zoo.sweep.examine import pictures, smallest
from zoo.sweep.row import Row
from zoo.sweep.subject import Subject

ARCHITECTURES = (
    *(
        "test_byobnet",
        "test_convnext",
        "test_efficientnet",
        "test_resnet",
        "test_vit",
        "mobilenetv3_small_050",
    ),
    *("repvit_m0_9", "ghostnet_050", "regnetx_002", "resnet18", "edgenext_xx_small", "fasternet_t0"),
    *("vit_tiny_patch16_224", "deit_tiny_patch16_224", "mixer_s32_224", "resmlp_12_224", "convnext_atto"),
    "convnextv2_atto",
)


def measured(name: str, folder: Path) -> dict[str, tuple[float, float]]:
    """SQNR in dB and the cosine of the worst picture, by precision."""
    spec = smallest(ModelSpec.from_config(name, {"timm": name, "weights": {"random": 0}}))
    subject = Subject.of(spec, pictures(PROJECT), folder)
    subject.fp32(Row("timm", name, name))
    fp32 = Pair.load(folder / "fp32.param", folder / "fp32.bin")
    statistics = collect_parallel(fp32, subject.pictures.calibration, subject.card.feed, 1)
    graphs = {"bf16": to_bf16(fp32.graph), "w8": to_w8(fp32.graph, statistics)}
    model = search.Subject(name, "cpu", fp32, statistics)
    probes = [inputs for _, inputs in load(subject.pictures.calibration[:4], subject.card.feed, 1)]
    if layers_for_blocks(fp32.graph, statistics):
        choices = Choices.of(model, probes, 1, folder / "made.bin")
        graphs |= {precision: choices.graph(choices.recipe(precision, None)) for precision in FEW_BITS}
    outcomes = {}
    for precision, graph in graphs.items():
        files = folder / f"{precision}.param", folder / f"{precision}.bin"
        write_graph(graph, *files)
        outcomes[precision] = subject._judged(precision, "ncnn", precision, files)
    return {
        precision: (-200.0, -1.0) if outcome.sqnr_db is None else (outcome.sqnr_db, outcome.cosine or 0.0)
        for precision, outcome in outcomes.items()
    }


def main() -> int:
    below = 0
    print(
        "gates:", ", ".join(f"{name} {DEFAULT_GATES[name].to_dict()}" for name in ("bf16", "w8", *FEW_BITS))
    )
    for name in sys.argv[1:] or ARCHITECTURES:
        with tempfile.TemporaryDirectory() as folder:
            found = measured(name, Path(folder))
        for precision, (decibels, cosine) in found.items():
            gates = DEFAULT_GATES[precision]
            below += decibels < (gates.min_sqnr_db or 0.0) or cosine < (gates.min_cosine or -1.0)
        shown = (f"{each} {decibels:.1f} ({cosine:.5f})" for each, (decibels, cosine) in found.items())
        print(name, ", ".join(shown), flush=True)
    return int(below > 0)


if __name__ == "__main__":
    sys.exit(main())
