"""What a model becomes, before any weights are fetched: python scripts/doctor.py MODEL

MODEL is a name of timm's, torchvision's or open_clip's (timm:NAME where several have it), a model of
config.yaml, or an ONNX or TorchScript file. Weights are random but for a file. Ends with 0 if it can be built
for ncnn.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from zoo.config import config_file
from zoo.errors import ZooError
from zoo.sweep.doctor import in_words, spec_of
from zoo.sweep.limited import row_of
from zoo.sweep.row import FP32, Row

HOME = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--size", type=int, nargs=2, metavar=("H", "W"), help="of its image")
    parser.add_argument("--seconds", type=float, default=600, help="how long it may take (default: 600)")
    options = parser.parse_args()
    try:
        spec = spec_of(options.model, declared(), options.size)
        with tempfile.TemporaryDirectory(prefix="doctor-") as folder:
            start = Row(spec.library, "", spec.architecture)
            row = row_of(spec, start, HOME, Path(folder), options.seconds, small=False, patience=1)
    except (ZooError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(in_words(spec, row))
    return 0 if row.works(FP32) else 1


def declared() -> dict[str, Any]:
    """The configuration of the working folder; empty where there is none. Raises as its reader does."""
    path = Path("config.yaml")
    if not path.is_file():
        return {}
    config_file.read(path)
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


if __name__ == "__main__":
    sys.exit(main())
