"""What may be put on the hub, and what may not."""

import pytest
import yaml

from samples import published
from samples.report import card
from zoo.errors import ZooError
from zoo.provenance.publish import gather


@pytest.fixture
def zoo(tmp_path):
    return published.build(tmp_path)


def gathered(zoo, **changes):
    sets = yaml.safe_load((zoo / "config.yaml").read_text())["image_sets"]
    return gather(zoo / "results/cpu/net", card("net", **changes), sets, [zoo])


def test_what_passed_is_gathered_with_its_proofs_and_the_card(zoo):
    upload = gathered(zoo)
    assert set(upload.files) == {
        *("README.md", "fp32.param", "fp32.bin"),
        *("fp32.verify.json", "fp32.bench.json", "fp32.eval.json"),
    }
    assert upload.licences == {
        "weights": "CC-BY-4.0",
        "images of heldout": str(zoo / "photos/SOURCES.md"),
        "images of digits_test": "CC-BY-4.0",
    }


def test_weights_without_a_licence_or_never_trained_are_not_published(zoo):
    with pytest.raises(ZooError, match=r"under which licence the weights of net are.*licence:"):
        gathered(zoo, licence="unknown")
    with pytest.raises(ZooError, match="random weights"):
        gathered(zoo, random=True)


def test_images_of_unknown_licence_are_in_the_way(zoo):
    (zoo / "photos/SOURCES.md").unlink()
    with pytest.raises(ZooError, match=r"taken on heldout, and photos has no SOURCES\.md"):
        gathered(zoo)


def test_without_a_card_or_a_verdict_nothing_is_published(zoo):
    (zoo / "results/cpu/net/fp32.verify.json").unlink()
    with pytest.raises(ZooError, match=r"nothing in .* has passed"):
        gathered(zoo)
    (zoo / "results/cpu/net/README.md").unlink()
    with pytest.raises(ZooError, match=r"no model card; build it \(snakemake .*README\.md\)"):
        gathered(zoo)


def test_another_file_than_the_one_that_passed_is_refused(zoo):
    (zoo / "results/cpu/net/fp32.bin").write_bytes(b"other")
    with pytest.raises(ZooError, match=r"fp32\.bin"):
        gathered(zoo)
