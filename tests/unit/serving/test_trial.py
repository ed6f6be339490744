"""What is tried before an artifact is served."""

import socket
from pathlib import Path

import pytest

from samples.artifacts import make_tree
from samples.flexible_onnx import save_flexible
from zoo.errors import ZooError
from zoo.predict import Predictor
from zoo.runners.artifact import find_artifact
from zoo.serving.trial import Probed, batching_gain, check_address, probe


def test_a_trial_finds_whether_batches_can_be_had(tmp_path: Path):
    fixed, flexible = (Predictor.open(save_flexible(make_tree(tmp_path / n).parent, n)) for n in ("1", "N"))
    assert batching_gain(fixed) is None
    assert batching_gain(flexible) > 0


def test_a_model_whose_answers_depend_on_the_rest_of_the_batch_takes_none(tmp_path: Path):
    class Mixing(Predictor):
        def batch(self, many):
            return [(output[0] + len(many),) for output in super().batch(many)]

    path = save_flexible(make_tree(tmp_path).parent, "N")
    predictor = Mixing.open(path)
    assert predictor.takes_batches and batching_gain(predictor) is None


@pytest.mark.parametrize(("gain", "images"), [(None, 1), (0.7, 1), (1.05, 1), (1.2, 8)])
def test_images_are_taken_together_where_that_pays(gain: float | None, images: int):
    assert Probed({}, gain).max_batch == images


def test_a_probe_tells_what_ran_and_refuses_what_does_not_run(tmp_path: Path):
    artifact, card = find_artifact(make_tree(tmp_path))
    probed = probe(artifact, card, threads=1)
    assert probed.runtime["name"] == "ncnn" and probed.gain is None and probed.max_batch == 1
    artifact.files[1].write_bytes(b"short")
    with pytest.raises(ZooError, match=r"fp32\.bin"):
        probe(artifact, card, threads=1)


def test_an_address_that_is_taken_is_refused_and_a_free_one_is_not():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.listen()
        with pytest.raises(ZooError, match=rf"cannot listen on 127\.0\.0\.1 port {port} .*another --port"):
            check_address("127.0.0.1", port)
    check_address("127.0.0.1", port)
