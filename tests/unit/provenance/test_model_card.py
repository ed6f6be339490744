"""README.md of a model's folder, as Hugging Face's library reads it."""

from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import ModelCard as HubCard

from samples.artifacts import pair, proof
from samples.cards import card
from samples.ncnn import small_network
from zoo.config.records.evaluation import Evaluation
from zoo.config.records.fp16_recipe import Fp16Recipe, MaskedLayer
from zoo.config.records.proof import RuntimeInfo
from zoo.ncnn.options import Options
from zoo.provenance.model_card import base_model, licence, read_facts, write_model_card


def write(folder: Path, failures: tuple[str, ...] = (), **changes) -> HubCard:
    files = pair(small_network(), folder)
    proof(*files, failures=failures).write(folder / "fp32.verify.json")
    Evaluation(
        model="small",
        device="cpu",
        artifact="fp32",
        images=9,
        labelled=True,
        top1=0.75,
        agreement=1.0,
        sqnr_db=41.0,
        runtime=RuntimeInfo("ncnn", "1", "a CPU"),
        image_set="photos",
    ).write(folder / "fp32.eval.json")
    facts = read_facts([folder / "fp32.verify.json", folder / "fp32.eval.json"])
    write_model_card(card(**changes), "cpu", facts, folder / "README.md")
    return HubCard.load(folder / "README.md")


def test_the_hubs_library_reads_the_metadata(tmp_path: Path):
    data = write(tmp_path).data
    assert (data.license, data.library_name, data.pipeline_tag) == ("mit", "ncnn", "image-classification")
    assert (data.base_model, data.to_dict()["base_model_relation"]) == ("owner/small", "quantized")
    assert data.tags == ["ncnn-zoo", "ncnn", "timm"]
    figures = {each.metric_name: each.metric_value for each in data.eval_results}
    assert figures == {
        "top-1 accuracy, fp32": 0.75,
        "top-1 agreement with the original, fp32": 1.0,
        "SQNR to the original in dB, fp32": 40.0,
    }
    assert {each.dataset_name for each in data.eval_results} == {"photos"}


def test_the_page_has_the_verdict_and_the_hashes_that_it_holds_for(tmp_path: Path):
    text = write(tmp_path).text
    assert "| fp32 | `fp32.param`, `fp32.bin` | passed | 40.0 | 0.99900 | 100.0 % | 75.0 % |" in text
    for line in (
        f"    {digest}  {name}" for name, digest in proof(*pair(small_network(), tmp_path)).hashes.items()
    ):
        assert line in text
    assert "**failed**: cosine .5" in write(tmp_path, failures=("cosine .5",)).text


def test_the_page_says_what_has_masks(tmp_path: Path):
    layers = (MaskedLayer("a", "Gemm", 1, "loss", 0.25, 3.5),)
    runtime = RuntimeInfo("ncnn", "1", "Cortex-A76, emulated")
    masks = Fp16Recipe("small", "a76", runtime, 8, 4, 41.5, 62.5, 67.5, 0.25, None, layers)
    write_model_card(card(), "a76", [], tmp_path / "README.md", masks)
    said = "In fp16, 1 layer, 25% of the multiply-adds, does not compute in float16 on a76: 62.5 dB to fp32"
    assert said in HubCard.load(tmp_path / "README.md").text
    assert "In fp16" not in write(tmp_path).text


def test_the_page_says_which_options_are_to_be_set(tmp_path: Path):
    assert "Options of ncnn" not in write(tmp_path).text
    path = tmp_path / "fp32.verify.json"
    made = replace(
        proof(*pair(small_network(), tmp_path)), options=Options({"use_sgemm_convolution": False}, 2)
    )
    made.write(path)
    write_model_card(card(), "cpu", read_facts([path]), tmp_path / "README.md")
    text = HubCard.load(tmp_path / "README.md").text
    assert "is to set:\n\n- fp32: use_sgemm_convolution off, 2 threads\n" in text


@pytest.mark.parametrize(
    ("said", "metadata"),
    [
        ("Apache-2.0", {"license": "apache-2.0"}),
        ("unknown", {"license": "unknown"}),
        ("nvidia-open-model-license", {"license": "other", "license_name": "nvidia-open-model-license"}),
    ],
)
def test_a_licence_is_the_hubs_word_for_it_or_its_own_name(said: str, metadata: dict):
    assert licence(said) == metadata


def test_a_licence_that_nobody_tells_is_not_invented(tmp_path: Path):
    page = write(tmp_path, licence="unknown")
    assert page.data.license == "unknown" and "Licence: **unknown**" in page.text


def test_the_base_is_the_hubs_repository_or_what_was_fine_tuned():
    hub = {"kind": "hub", "location": "timm/a"}
    assert base_model(card(source=hub)) == "timm/a"
    assert base_model(card(source={"kind": "train", "location": "x", "start": hub})) == "timm/a"
    assert base_model(card(source={"kind": "file", "location": "a.pth"})) is None


def test_random_weights_are_said_to_be_so_and_another_task_is_not_called_classification(tmp_path: Path):
    page = write(tmp_path, random=True, task="other", source={"kind": "random", "seed": 0})
    assert "**The weights are random" in page.text
    assert page.data.pipeline_tag is None and page.data.base_model is None
