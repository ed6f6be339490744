from pathlib import Path

from zoo.config.records.fp16_recipe import LOSS, OVERFLOW, READS, Fp16Recipe, MaskedLayer
from zoo.config.records.proof import RuntimeInfo

LAYERS = (
    MaskedLayer("a", "Convolution", 19, OVERFLOW, 0.25, None, 70000.0),
    MaskedLayer("b", "ReLU", 19, READS, 0.0),
    MaskedLayer("c", "Gemm", 1, LOSS, 0.25, 3.5),
    MaskedLayer("d", "LayerNorm", 1, OVERFLOW, 0.0),
)


def recipe(*layers: MaskedLayer) -> Fp16Recipe:
    runtime = RuntimeInfo("ncnn", "1.0", "Cortex-A76, emulated", features=("asimdhp",))
    share = sum(layer.share for layer in layers)
    return Fp16Recipe("net", "a76", runtime, 8, 4, None, 62.5, 67.5, share, 60.0, layers)


def test_a_recipe_is_read_back_as_it_was_written(tmp_path: Path):
    recipe(*LAYERS).write(tmp_path / "fp16.recipe.json")
    assert Fp16Recipe.read(tmp_path / "fp16.recipe.json") == recipe(*LAYERS)


def test_what_stores_float32_and_what_only_computes_in_it_are_told_apart():
    assert recipe(*LAYERS).storage == ("a",) and recipe(*LAYERS).arithmetic == ("c", "d")


def test_it_says_what_is_masked_and_what_that_does():
    assert recipe(*LAYERS).sentence() == (
        "4 layers, 2 of them because they overflow, 50% of the multiply-adds, do not compute in float16 on "
        "a76: 62.5 dB to fp32 in place of no finite numbers"
    )
    assert recipe().sentence().startswith("no layer is masked on a76")
