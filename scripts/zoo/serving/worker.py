"""What computes: a process with a predictor of its own, which decodes uploads and answers them."""

import base64
import contextlib
import faulthandler
import os
import signal
import time
import warnings
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Depends
from litserve import LitAPI
from PIL import Image
from starlette.responses import JSONResponse, Response

from zoo.array_types import Arrays
from zoo.config.records.card import ModelCard
from zoo.errors import ZooError
from zoo.jobs.isolation import end_with_parent
from zoo.predict import Predictor
from zoo.runners.artifact import Artifact
from zoo.serving.guard import BATCH_HEADER, PATH
from zoo.serving.limits import Limits, Workers
from zoo.serving.loop import PatientLoop
from zoo.serving.roll import Roll
from zoo.serving.uploads import Refused, Upload, decode, read_upload


class PredictAPI(LitAPI):  # type: ignore[misc]
    """What a worker does: uploads in, answers out. It is pickled to the workers."""

    def __init__(
        self, artifact: Artifact, card: ModelCard, workers: Workers, limits: Limits, roll: Roll
    ) -> None:
        loop = PatientLoop() if workers.max_batch > 1 else "auto"
        super().__init__(max_batch_size=workers.max_batch, api_path=PATH, loop=loop)
        self._artifact, self._card, self._threads, self._limits = artifact, card, workers.threads, limits
        self._roll = roll

    def setup(self, device: str) -> None:
        end_with_parent()
        faulthandler.enable()  # a crash of the runtime leaves a trace in the log
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's, which the server handles for all
        Image.MAX_IMAGE_PIXELS = self._limits.pixels  # Pillow's own guess is lower than what may be asked for
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `decode` refuses it
        self._predictor = Predictor(self._artifact, self._card, self._threads)
        self._roll.enter(int(os.environ["LITSERVE_WORKER_ID"]))

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
                    decode(upload.image, self._predictor.feed, self._limits)
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
            predictions = [each.to_dict() for each in self._predictor.ranked(outputs, top)]
            return answer | {"output": self._card.output, "predictions": predictions}
        return answer | {
            "outputs": [
                {
                    "name": output.name,
                    "shape": list(each.shape),
                    "dtype": "float32",
                    "data": base64.b64encode(each.astype("<f4").tobytes()).decode(),
                }
                for output, each in zip(self._card.outputs, outputs, strict=True)
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
