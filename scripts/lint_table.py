"""Check a calibration table against an fp32 ncnn model: python scripts/lint_table.py fp32.param some.table"""

from zoo.cli.lint_table import lint_table
from zoo.cli.program import run

if __name__ == "__main__":
    run(lint_table)
