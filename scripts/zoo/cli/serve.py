"""Serve an artifact over HTTP."""

from typing import Any

import click

from zoo.cli.program import COUNT, DEVICE, Program, card_option, note
from zoo.errors import require_extra

_POSITIVE = click.FloatRange(0, 1e6, min_open=True, max_open=True)


@click.command(cls=Program, context_settings={"show_default": True})
@click.argument("artifact")
@click.option("--host", type=click.Choice(("127.0.0.1", "0.0.0.0", "::")), default="127.0.0.1")
@click.option("--port", type=click.IntRange(1024, 65535), default=8000)
@click.option("--workers", type=COUNT, default=1, help="Processes, each with a copy of the model.")
@click.option("--threads", type=COUNT, help="CPU threads of each (default: 1, or as its options say).")
@click.option("--device", type=DEVICE, help="Default: that of the artifact's folder.")
@card_option("the artifact")
@click.option("--max-batch", type=COUNT, help="Images computed together (default: what a trial finds).")
@click.option("--max-image-mb", type=_POSITIVE, default=10, help="Size of an image file, MiB.")
@click.option("--max-pixels", type=COUNT, default=50_000_000, help="Pixels of an image.")
@click.option("--max-waiting", type=COUNT, default=64, help="Requests that wait for answers.")
@click.option("--max-arriving", type=COUNT, default=128, help="Requests that arrive at once.")
@click.option("--max-per-address", type=COUNT, default=32, help="Of these, of one client.")
@click.option("--timeout", type=_POSITIVE, default=10, help="Seconds from request to answer.")
@click.option("--header-timeout", type=_POSITIVE, default=5, help="Seconds for a request's headers.")
def serve(artifact: str, **options: Any) -> None:
    """Serve an artifact over HTTP until Ctrl-C: POST images to /predict (docs/serving.md).

    ARTIFACT is a file of a zoo by its name there, such as int8.param, fp32.onnx or torchscript.pt in
    results/cpu/MODEL. It is tried first, and one that is unverified, or failed, says so.
    """
    require_extra("zoo serve", "serve", "litserve", "prometheus_client", "python_multipart")
    _serve(artifact, **options)


def _serve(
    path: str,
    *,
    host: str,
    port: int,
    workers: int,
    threads: int | None,
    device: str | None,
    card: str | None,
    max_batch: int | None,
    **limits: Any,
) -> None:
    """Try the artifact, say what is served, and serve it until the process is told to end."""
    from zoo.jobs.isolation import isolated
    from zoo.runners.artifact import find_artifact
    from zoo.serving.limits import Workers
    from zoo.serving.trial import check_address, probe

    artifact, described = find_artifact(path, card, device)
    threads = threads or artifact.options.threads or 1
    check_address(host, port)
    if caveat := artifact.caveat():
        note(caveat)
    # In a child: what cannot be loaded is told in one sentence, and no runtime starts threads here.
    probed = isolated(str(artifact), probe, artifact, described, threads)
    staff = Workers(workers, threads, max_batch or probed.max_batch)
    bounds = _limits(**limits)
    # Late, for LitServe takes seconds to import, and most mistakes are found by now.
    from zoo.serving.service import facts_of, make_server, run

    facts = facts_of(artifact, described, probed.runtime, staff)
    server = make_server(artifact, described, facts, staff, bounds)
    click.echo(
        f"{artifact} on http://{host}:{port}/predict\n"
        f"{_plural(staff.count, 'worker')} of {_plural(staff.threads, 'thread')} on "
        f"{probed.runtime['device']}, {_batching(staff.max_batch, probed.gain)}; Ctrl-C ends it"
    )
    run(server, host, port, bounds)


def _limits(
    *,
    max_image_mb: float,
    max_pixels: int,
    timeout: float,
    header_timeout: float,
    max_waiting: int,
    max_arriving: int,
    max_per_address: int,
) -> Any:
    from zoo.serving.limits import Limits

    return Limits(
        image_bytes=int(max_image_mb * 2**20),
        pixels=max_pixels,
        seconds=timeout,
        header_seconds=header_timeout,
        waiting=max_waiting,
        arriving=max_arriving,
        per_address=max_per_address,
    )


def _batching(images: int, gain: float | None) -> str:
    many = f"up to {images} images at a time" if images > 1 else "one image at a time"
    return many if gain is None else f"{many} (8 together take {1 / gain:.2f} of their time alone)"


def _plural(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number > 1 else ''}"
