"""Pass an artifact whose verification passed; stop with the reasons if it did not."""

from zoo.errors import ZooError
from zoo.jobs.files import replacing
from zoo.jobs.records import read_json
from zoo.jobs.reporting import reporting


def main(report_path: str, output: str) -> None:
    report = read_json(report_path)
    if not report["verdict"]["passed"]:
        raise ZooError(f"{'; '.join(report['verdict']['failures'])} (see {report_path})")
    with replacing(output) as (temporary,):
        temporary.write_text(f"passed: {report['verdict']['gates']}\n")


if __name__ == "__main__":
    artifact = "{device}/{model}/{artifact}".format(**snakemake.wildcards)
    with reporting(snakemake.log[0], f"{artifact} failed verification"):
        main(snakemake.input[0], snakemake.output[0])
