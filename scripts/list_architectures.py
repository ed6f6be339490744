"""The families of the installed libraries: python scripts/list_architectures.py --write

A sweep is of their list. Without --write this compares them with the list that is kept, and ends with 1 where
they differ.
"""

import argparse
import sys

from zoo.jobs.records import write_json
from zoo.sweep.families import found
from zoo.sweep.listed import LIST, Family, listed


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="write the list")
    options = parser.parse_args()
    families = list(found())
    if options.write:
        write_json(as_values(families), LIST)
        return 0
    if others := sorted({family.entry for family in set(families) ^ set(listed())}):
        print(f"the list differs from the installed libraries in: {', '.join(others)}", file=sys.stderr)
    return int(bool(others))


def as_values(families: list[Family]) -> dict[str, dict[str, dict[str, object]]]:
    values: dict[str, dict[str, dict[str, object]]] = {}
    for family in families:
        entry = {"entry": family.entry, "parameters": family.parameters}
        values.setdefault(family.library, {})[family.name] = entry
    return values


if __name__ == "__main__":
    sys.exit(main())
