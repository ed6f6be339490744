"""Pass an artifact whose verification passed; stop with the reasons if it did not."""

from typing import Any

from zoo.config.records.verification import Verification
from zoo.errors import ZooError
from zoo.jobs.files import replacing
from zoo.jobs.reporting import reporting

snakemake: Any


def main(*, verification: str, output: str) -> None:
    verdict = Verification.read(verification).verdict
    if not verdict.passed:
        raise ZooError(f"{'; '.join(verdict.failures)} (see {verification})")
    with replacing(output) as (temporary,):
        temporary.write_text(f"passed: {verdict.gates}\n")


if __name__ == "__main__":
    artifact = "{device}/{model}/{artifact}".format(**snakemake.wildcards)
    with reporting(snakemake.log[0], f"{artifact} failed verification"):
        main(verification=snakemake.input[0], output=snakemake.output[0])
