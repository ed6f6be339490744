"""Choose the artifact to ship on a device, and put it under a name of its own."""

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo.config.records.benchmark import Benchmark
from zoo.config.records.verification import Verification
from zoo.config.settings import Best
from zoo.deploy.best import choose
from zoo.jobs.files import replacing, sha256
from zoo.jobs.reporting import reporting

snakemake: Any


def main(
    *,
    verifications: Iterable[str],
    benchmarks: Iterable[str],
    asked: Best,
    record: str,
    param: str,
    weights: str,
) -> None:
    proofs = [Verification.read(path) for path in verifications]
    best = choose(proofs, map(Benchmark.read, benchmarks), asked)
    proof = next(each for each in proofs if each.artifact == best.artifact)
    with replacing(param, weights) as copies:
        for copy in copies:
            source = Path(record).with_name(best.artifact + copy.suffix)
            shutil.copyfile(source, copy)
            proof.check_hash(source, sha256(copy))
    best.write(record)
    print(f"note: {best.reason}", file=sys.stderr)


if __name__ == "__main__":
    files, made = snakemake.input, snakemake.output
    with reporting(
        snakemake.log[0], f"best {snakemake.wildcards.device}/{snakemake.wildcards.model}", snakemake
    ):
        main(
            verifications=files.verifications,
            benchmarks=files.benchmarks,
            asked=Best(**snakemake.params.asked),
            record=made.record,
            param=made.param,
            weights=made.weights,
        )
