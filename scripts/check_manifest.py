"""Compare a folder with its manifest: python scripts/check_manifest.py MANIFEST [--verify COMMAND]

Every byte is read; a sentence for each file that differs, is missing, or is there and not in the manifest.
The exit status is 0 if there is none. `snakemake check_manifest` does the same, with signing: {verify: …}.
"""

import sys
from pathlib import Path
from typing import Any

import click

from zoo.cli.program import Program, run
from zoo.errors import ZooError
from zoo.jobs.reporting import reporting
from zoo.provenance.check import differences
from zoo.provenance.signing import SUFFIX, wrong_signature

snakemake: Any


def main(*, manifest: str, verify: str | None) -> None:
    path = Path(manifest)
    wrong = list(differences(path))
    if verify and (sentence := wrong_signature(verify, path, path.with_name(path.name + SUFFIX))):
        wrong.insert(0, sentence)
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    if wrong:
        things = "thing is" if len(wrong) == 1 else "things are"
        raise ZooError(
            f"{len(wrong)} {things} not as {manifest} says; what changed is made anew by rm and snakemake, "
            f"what was built since is described by: rm {manifest} && snakemake {manifest}"
        )
    print(f"{manifest}: every file is what it says" + (", and it is signed" if verify else ""))


@click.command(cls=Program, help=__doc__)
@click.argument("manifest")
@click.option("--verify", metavar="COMMAND", help="That confirms {signature} of {manifest}.")
def program(manifest: str, verify: str | None) -> None:
    main(manifest=manifest, verify=verify)


if __name__ == "__main__":
    if "snakemake" in globals():
        with reporting(snakemake.log[0], "check_manifest", snakemake):
            main(manifest=snakemake.params.manifest, verify=snakemake.params.verify)
    else:
        run(program)
