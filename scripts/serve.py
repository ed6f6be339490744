"""Serve an artifact over HTTP: python scripts/serve.py results/cpu/MODEL/int8.param (see docs/serving.md)"""

import argparse
import sys
from pathlib import Path


def main() -> int:
    options = parse()
    from zoo.errors import ZooError

    try:
        serve(options)
    except ZooError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def serve(options: argparse.Namespace) -> None:
    """Try the artifact, say what is served, and serve it until the process is told to end."""
    from zoo.jobs.isolation import isolated
    from zoo.runners.artifact import find_artifact
    from zoo.serving.limits import Limits, Workers
    from zoo.serving.trial import check_address, probe

    artifact, card = find_artifact(options.artifact, options.card, options.device)
    threads = options.threads or artifact.options.threads or 1
    check_address(options.host, options.port)
    if caveat := artifact.caveat():
        print(f"note: {caveat}", file=sys.stderr)
    # In a child: what cannot be loaded is told in one sentence, and no runtime starts threads here.
    probed = isolated(str(artifact), probe, artifact, card, threads)
    workers = Workers(options.workers, threads, options.max_batch or probed.max_batch)
    limits = Limits(
        image_bytes=int(options.max_image_mb * 2**20),
        pixels=options.max_pixels,
        seconds=options.timeout,
        header_seconds=options.header_timeout,
        waiting=options.max_waiting,
        arriving=options.max_arriving,
        per_address=options.max_per_address,
    )
    # Late, for LitServe takes seconds to import, and most mistakes are found by now.
    from zoo.serving.service import facts_of, make_server, run

    facts = facts_of(artifact, card, probed.runtime, workers)
    server = make_server(artifact, card, facts, workers, limits)
    print(
        f"{artifact} on http://{options.host}:{options.port}/predict\n"
        f"{plural(workers.count, 'worker')} of {plural(workers.threads, 'thread')} on "
        f"{probed.runtime['device']}, {batching(workers.max_batch, probed.gain)}; Ctrl-C ends it",
        flush=True,
    )
    run(server, options.host, options.port, limits)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("artifact", type=Path, help="one of its files: .param, .onnx or .pt")
    add("--host", choices=("127.0.0.1", "0.0.0.0", "::"), default="127.0.0.1", help="where to listen")
    add("--port", type=port, default=8000, help="1024 to 65535")
    add("--workers", type=count, default=1, help="processes that compute, each with a copy of the model")
    add("--threads", type=count, help="CPU threads of each, instead of one or what its options say")
    add("--device", choices=("cpu", "gpu"), help="instead of that of the artifact's folder")
    add("--card", type=Path, help="the model card, where the artifact lies outside of a zoo")
    add("--max-batch", type=count, help="images computed together, instead of what a trial finds")
    add("--max-image-mb", type=positive, default=10, help="size of an image file, MiB")
    add("--max-pixels", type=count, default=50_000_000, help="pixels of an image")
    add("--max-waiting", type=count, default=64, help="requests that wait for their answers at once")
    add("--max-arriving", type=count, default=128, help="requests that arrive at once")
    add("--max-per-address", type=count, default=32, help="of these, of one client")
    add("--timeout", type=positive, default=10, help="seconds from a request to its answer")
    add("--header-timeout", type=positive, default=5, help="seconds for the headers of a request")
    return parser.parse_args()


def batching(images: int, gain: float | None) -> str:
    many = f"up to {images} images at a time" if images > 1 else "one image at a time"
    return many if gain is None else f"{many} (8 together take {1 / gain:.2f} of their time alone)"


def plural(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number > 1 else ''}"


def count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number from 1")
    return int(text)


def positive(text: str) -> float:
    number = float(text)
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError("must be above 0")
    return number


def port(text: str) -> int:
    if not text.isdecimal() or not 1024 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError("must be a whole number from 1024 to 65535")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
