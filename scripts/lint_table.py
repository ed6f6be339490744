"""Check a calibration table against an fp32 ncnn model: python scripts/lint_table.py fp32.param some.table"""

import argparse
import sys
from pathlib import Path

from zoo.errors import ZooError
from zoo.ncnn.check import load_checked
from zoo.quantize.table import read_table
from zoo.quantize.table_lint import lint_table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("param", type=Path, help="the fp32 model's .param; its .bin lies beside it")
    parser.add_argument("table", type=Path, help="the calibration table, of ours or of ncnn2table")
    parser.add_argument("--images", type=int, help="how many images it was made from")
    options = parser.parse_args()
    try:
        graph = load_checked(options.param, options.param.with_suffix(".bin"))
        findings = lint_table(read_table(options.table), graph, options.images)
    except ZooError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for finding in findings:
        print(finding)
    return int(any(finding.error for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
