"""The service itself: LitServe's server and workers around a predictor."""

import asyncio
import base64
import contextlib
import faulthandler
import multiprocessing
import os
import signal
import time
import warnings
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Depends
from litserve import LitAPI, LitServer
from PIL import Image
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from zoo.errors import ZooError
from zoo.inference import Artifact
from zoo.isolation import end_with_parent
from zoo.predict import Arrays, Predictor
from zoo.serving import Limits
from zoo.serving.guard import BATCH_HEADER, PATH, Guard, Metrics
from zoo.serving.loop import PatientLoop
from zoo.serving.uploads import Refused, Upload, decode, read_upload


class PredictAPI(LitAPI):  # type: ignore[misc]
    """What a worker does: uploads in, answers out. It is pickled to the workers."""

    def __init__(
        self, artifact: Artifact, card: dict[str, Any], threads: int, limits: Limits, max_batch: int
    ) -> None:
        loop = PatientLoop() if max_batch > 1 else "auto"
        super().__init__(max_batch_size=max_batch, api_path=PATH, loop=loop)
        self._artifact, self._card, self._threads, self._limits = artifact, card, threads, limits

    def setup(self, device: str) -> None:
        end_with_parent()
        faulthandler.enable()  # a crash of the runtime leaves a trace in the log
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's, which the server handles for all
        Image.MAX_IMAGE_PIXELS = self._limits.pixels  # Pillow's own guess is lower than what may be asked for
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `decode` refuses it
        self._predictor = Predictor(self._artifact, self._card, self._threads)

    def decode_request(self, request: Annotated[Upload, Depends(read_upload)]) -> Upload:
        return request

    def predict(self, uploads: Upload | list[Upload]) -> Response | list[Response]:
        """An answer for each upload, the first with the figures of the batch."""
        together = uploads if isinstance(uploads, list) else [uploads]
        start = time.perf_counter()
        with ending_after(self._limits.seconds):
            answers = self._answers(together)
        answers[0].headers[BATCH_HEADER] = f"{len(together)} {time.perf_counter() - start:.6f}"
        return answers if isinstance(uploads, list) else answers[0]

    def encode_response(self, output: Response) -> Response:
        return output

    def _answers(self, uploads: list[Upload]) -> list[Response]:
        answers: list[Response | None] = [None] * len(uploads)
        ready: dict[int, Arrays] = {}
        for place, upload in enumerate(uploads):
            try:
                ready[place] = self._predictor.inputs(
                    decode(upload.image, self._predictor.record, self._limits)
                )
            except ZooError as error:
                status = error.status if isinstance(error, Refused) else 400
                answers[place] = JSONResponse({"detail": str(error)}, status)
        try:
            found = self._predictor.batch(list(ready.values()))
            for place, outputs in zip(ready, found, strict=True):
                answers[place] = JSONResponse(self._answer(outputs, uploads[place].top))
        except ZooError as error:  # the artifact's fault
            failed = JSONResponse({"detail": str(error)}, 500)
            return [answer or failed for answer in answers]
        return [answer for answer in answers if answer is not None]

    def _answer(self, outputs: Arrays, top: int) -> dict[str, Any]:
        answer: dict[str, Any] = {"model": self._artifact.model, "artifact": self._artifact.name}
        if self._predictor.classifies:
            return answer | {"predictions": [each.to_dict() for each in self._predictor.ranked(outputs, top)]}
        return answer | {
            "outputs": [
                {
                    "shape": list(each.shape),
                    "dtype": "float32",
                    "data": base64.b64encode(each.astype("<f4").tobytes()).decode(),
                }
                for each in outputs
            ]
        }


@contextlib.contextmanager
def ending_after(seconds: float) -> Iterator[None]:
    """End this process if the block takes longer; the server starts another one.

    The timer is a thread of the interpreter that needs no lock of it: ncnn holds that one while it computes.
    """
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def make_server(
    artifact: Artifact,
    card: dict[str, Any],
    facts: dict[str, Any],
    threads: int,
    workers: int,
    limits: Limits,
    max_batch: int,
) -> LitServer:
    """The server, ready to run. facts: what GET /info tells of the model."""
    names = ("model", "device", "artifact", "sha256")
    metrics = Metrics({name: str(facts[name]) for name in names})
    server = LitServer(
        PredictAPI(artifact, card, threads, limits, max_batch),
        accelerator="cpu",  # its word for one group of workers; the predictor knows the device
        devices=1,
        workers_per_device=workers,
        timeout=limits.seconds,
        model_metadata=facts,
        middlewares=[(Guard, {"limits": limits, "metrics": metrics})],
        restart_workers=True,
        disable_openapi_url=True,  # its page would load scripts from elsewhere
    )
    server.monitor_internal = 0.5
    server.uvicorn_graceful_timeout = limits.seconds + 1
    server.response_buffer = _Answers()
    server.app.add_api_route("/metrics", lambda: _page(metrics), methods=["GET"])
    return server


class _Answers(dict[str, Any]):
    """LitServe's table of those who wait for an answer, of whom the ones that were given up are dropped."""

    def __setitem__(self, uid: str, item: Any) -> None:
        super().__setitem__(uid, item)
        request = asyncio.current_task()
        assert request is not None
        request.add_done_callback(lambda _: self.pop(uid, None))


def _page(metrics: Metrics) -> Response:
    return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)


def run(server: LitServer, host: str, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C; every process that was started has ended when this returns."""
    own = os.getpid()

    def stop(*_: object) -> None:
        if os.getpid() == own:  # the process that listens inherits this, and ends by itself
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)  # once is enough
            raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        server.run(host=host, port=port, num_api_servers=1, log_level="warning", generate_client_file=False)
    except KeyboardInterrupt:
        pass  # before it was up
    finally:
        for child in multiprocessing.active_children():
            child.terminate()
            child.join(5)
            child.kill()


def facts_of(artifact: Artifact, card: dict[str, Any]) -> dict[str, Any]:
    """What GET /info tells of the model."""
    from zoo.files import sha256

    labels = card.get("labels")
    return artifact.heading() | {
        "sha256": sha256(artifact.files[-1]),
        "licence": card.get("licence"),
        "random": card.get("random"),
        "input": card.get("input"),
        "preprocess": card["preprocess"],
        "classes": card.get("num_classes"),
        "labels": len(labels) if labels else None,
    }
