"""What a worker answers to uploads, alone and together; that it ends when it takes too long."""

import base64
import json
import multiprocessing
import time
from pathlib import Path

import numpy as np
from PIL import Image

from samples.artifacts import make_tree
from samples.ncnn import chain
from samples.uploads import LIMITS, encoded
from zoo.config.records.card import Output
from zoo.predict import Predictor
from zoo.runners.artifact import find_artifact
from zoo.serving.guard import BATCH_HEADER
from zoo.serving.limits import Workers
from zoo.serving.roll import Roll
from zoo.serving.uploads import Upload
from zoo.serving.worker import PredictAPI, ending_after


def sleep_guarded(seconds: float) -> None:
    with ending_after(0.2):
        pass
    with ending_after(30 if seconds < 1 else 0.2):
        time.sleep(seconds)


def test_a_worker_ends_when_a_computation_takes_too_long_and_only_then():
    context = multiprocessing.get_context("fork")
    for seconds, code in ((0.5, 0), (60, 1)):
        process = context.Process(target=sleep_guarded, args=(seconds,))
        process.start()
        process.join(30)
        assert process.exitcode == code


def answers(path: Path, *images: bytes) -> list[tuple[int, dict]]:
    """Status and content of what a worker answers to uploads that it takes together."""
    artifact, card = find_artifact(path)
    api = PredictAPI(artifact, card, Workers(max_batch=8), LIMITS, Roll(1))
    api._predictor = Predictor(artifact, card)
    found = api.predict([Upload(image, 2) for image in images])
    assert [BATCH_HEADER in each.headers for each in found] == [True] + [False] * (len(images) - 1)
    return [(each.status_code, json.loads(each.body)) for each in found]


def test_an_image_that_is_bad_spoils_its_own_answer_only(tmp_path: Path):
    path = make_tree(tmp_path)
    image = encoded((9, 8))
    (first, said), (second, other), (third, same) = answers(path, image, b"bad", image)
    assert (first, second, third) == (200, 400, 200)
    assert said == same and list(other) == ["detail"]
    wanted = [each.to_dict() for each in Predictor.open(path)(Image.new("RGB", (9, 8)), top=2)]
    assert said == {"model": "small", "artifact": "fp32", "output": "logits", "predictions": wanted}


def test_what_is_no_classifier_answers_with_its_outputs(tmp_path: Path):
    outputs = (Output("pooled", (3, 4, 4)),)
    path = make_tree(
        tmp_path, chain("Pooling", {0: 0, 1: 2, 2: 2}), task="other", outputs=outputs, labels=None
    )
    ((status, answer),) = answers(path, encoded((8, 8)))
    predictor = Predictor.open(path)
    (wanted,) = predictor.outputs(predictor.inputs(Image.new("RGB", (8, 8))))
    assert status == 200
    (output,) = answer["outputs"]
    assert (output["name"], output["dtype"]) == ("pooled", "float32")
    data = np.frombuffer(base64.b64decode(output["data"]), "<f4").reshape(output["shape"])
    np.testing.assert_array_equal(data, wanted)


def test_an_artifact_that_fails_is_the_servers_fault(tmp_path: Path):
    path = make_tree(tmp_path, labels=("too", "few"))
    ((status, answer),) = answers(path, encoded())
    assert status == 500 and "5 outputs, and its card names 2" in answer["detail"]
