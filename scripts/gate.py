"""Pass an artifact whose verification passed; stop with the reasons if it did not."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo.config.artifacts import what_helps
from zoo.config.records.verification import Verification
from zoo.errors import ZooError
from zoo.jobs.files import replacing
from zoo.jobs.reporting import reporting

snakemake: Any


def main(*, files: Iterable[str], verification: str, output: str) -> None:
    proof = Verification.read(verification)
    if not proof.verdict.passed:
        said = list(proof.verdict.failures)
        if all(" the gate " in each for each in said):  # a matter of digits, and of nothing else
            said += filter(None, [what_helps(proof.artifact)])
        raise ZooError(f"{'; '.join(said)} (see {verification})")
    proof.check_files(map(Path, files))
    hashes = "".join(f"{digest}  {name}\n" for name, digest in proof.hashes.items())
    with replacing(output) as (temporary,):
        temporary.write_text(f"{hashes}passed: {proof.verdict.gates}\n")


if __name__ == "__main__":
    artifact = "{device}/{model}/{artifact}".format(**snakemake.wildcards)
    with reporting(snakemake.log[0], f"{artifact} failed verification", snakemake):
        main(
            files=snakemake.input.get("files"),
            verification=snakemake.input.proof,
            output=snakemake.output[0],
        )
