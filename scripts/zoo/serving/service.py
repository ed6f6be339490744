"""The service itself: LitServe's server around the workers, and its end."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait
from typing import Any

from litserve import LitServer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from zoo.config.records.card import ModelCard
from zoo.errors import ZooError
from zoo.jobs.files import sha256
from zoo.runners.artifact import Artifact
from zoo.serving.guard import Guard, Metrics
from zoo.serving.limits import Limits, Workers
from zoo.serving.worker import PredictAPI


class Server(LitServer):  # type: ignore[misc]
    """LitServe's server, but one that ends when the process that listens does, and that does not replace the
    workers that it ends itself."""

    crashed = False

    def stop(self) -> None:
        """Let `run` return. In a thread, for the main one waits for that event and holds its connection."""
        threading.Thread(target=self._shutdown_event.set).start()

    def _start_worker_monitoring(self, manager: Any, listeners: dict[int, Any]) -> None:
        super()._start_worker_monitoring(manager, listeners)
        threading.Thread(target=self._watch, args=(listeners[0].sentinel,), daemon=True).start()

    def _watch(self, listener: int) -> None:
        wait([listener])
        with contextlib.suppress(OSError, EOFError):  # it ended with all others
            if not self._shutdown_event.is_set():
                self.crashed = True
                self._shutdown_event.set()

    def _perform_graceful_shutdown(self, *arguments: Any) -> None:
        for thread in threading.enumerate():
            if thread.name == "litserve-monitoring":
                thread.join(10)
        super()._perform_graceful_shutdown(*arguments)


def make_server(
    artifact: Artifact,
    card: ModelCard,
    facts: dict[str, Any],
    workers: Workers,
    limits: Limits,
) -> Server:
    """The server, ready to run. facts: what GET /info tells of the model."""
    names = ("model", "device", "artifact", "sha256")
    metrics = Metrics({name: str(facts[name]) for name in names})
    server = Server(
        PredictAPI(artifact, card, workers, limits),
        accelerator="cpu",  # its word for one group of workers; the predictor knows the device
        devices=1,
        workers_per_device=workers.count,
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


def run(server: Server, host: str, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C; every process that was started has ended when this returns.

    Raises ZooError if the workers do not start or the process that listens dies.
    """
    own = os.getpid()

    def stop(*_: object) -> None:
        if os.getpid() != own:  # the process that listens inherits this, and is told to end
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # once is enough
        if not any(child.name.startswith("LitServer") for child in multiprocessing.active_children()):
            raise KeyboardInterrupt  # it is not up yet
        server.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        server.run(host=host, port=port, num_api_servers=1, log_level="warning", generate_client_file=False)
    except KeyboardInterrupt:
        pass
    except RuntimeError as error:
        raise ZooError(f"the service does not start ({error})") from error
    finally:
        for child in multiprocessing.active_children():
            child.terminate()
            child.join(5)
            child.kill()
    if server.crashed:
        raise ZooError("the process that listens was killed (out of memory?); start the service again")


def facts_of(
    artifact: Artifact, card: ModelCard, runtime: dict[str, Any], workers: Workers
) -> dict[str, Any]:
    """What GET /info tells of the model. runtime: what runs it, see `zoo.runners.RuntimeInfo`."""
    return artifact.heading() | {
        "sha256": sha256(artifact.files[-1]),
        "licence": card.licence,
        "random": card.random,
        "input": list(card.input),
        "preprocess": card.preprocess.to_dict(),
        "classes": card.num_classes,
        "labels": len(card.labels) if card.labels else None,
        "runtime": runtime,
        "max_batch": workers.max_batch,
    }
