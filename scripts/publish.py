"""Put a model's verified artifacts and its model card on Hugging Face's hub:
python scripts/publish.py results/cpu/mine --to me/mine-ncnn

Only what passed is sent, and only where it is known under which licences the weights and the images of its
figures are. HF_TOKEN, or hf auth login, says who one is.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from zoo.config.reading import config_file
from zoo.config.records.card import ModelCard
from zoo.errors import ZooError
from zoo.provenance.publish import Upload, gather, publish

HOME = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="results/<device>/<model>")
    parser.add_argument("--to", metavar="OWNER/NAME", required=True, help="the repository, made if need be")
    parser.add_argument("--private", action="store_true", help="for a repository that is made")
    parser.add_argument("--dry-run", action="store_true", help="say what would be sent")
    options = parser.parse_args()
    try:
        upload = gathered(options.folder)
        for name, licence in upload.licences.items():
            print(f"licence of {name}: {licence}")
        print(f"{len(upload.files)} files of {upload.folder}: {', '.join(upload.files)}")
        if not options.dry_run:
            print(publish(upload, options.to, options.private))
    except (ZooError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def gathered(folder: Path) -> Upload:
    """What of a folder may be published, by its model's card and the configuration of the working folder."""
    card = ModelCard.read(folder.parent.parent / "weights" / f"{folder.resolve().name}.json")
    path = Path("config.yaml")
    sets: dict[str, dict[str, Any]] = {}
    if path.is_file():
        config_file.read(path)
        sets = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("image_sets") or {}
    return gather(folder, card, sets, (Path(), HOME))


if __name__ == "__main__":
    sys.exit(main())
