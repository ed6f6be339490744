"""A model's folder put on Hugging Face's hub: the artifacts that passed, with their proofs and the card."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.config.records.card import ModelCard
from zoo.config.records.evaluation import Evaluation
from zoo.config.records.verification import Verification
from zoo.errors import ZooError
from zoo.images.datasets import DATASETS

CARD = "README.md"
SOURCES = ("SOURCES.md", "LICENSE", "LICENSE.md", "LICENSE.txt")
"""A folder of images says in one of these where they are from and under which licence."""
UNSAID = ("", "unknown", "other")
_BESIDE = ("best.json", "int8.table", "int8.recipe.json", "fp16.recipe.json", "labels.txt")


@dataclass(frozen=True)
class Upload:
    """What is to be put on the hub: files of a folder, by name. licences: of what, in words."""

    folder: Path
    files: tuple[str, ...]
    licences: Mapping[str, str]


def gather(
    folder: Path, card: ModelCard, image_sets: Mapping[str, Mapping[str, Any]], homes: Sequence[Path]
) -> Upload:
    """The files of a model's folder, `results/<device>/<model>`, that may be published.

    image_sets: as config.yaml has them; homes: the folders that their paths are looked for in, the first that
    has it. Raises ZooError where the weights are random or have no licence that is known, where images that a
    figure was taken on have none, where there is no model card, nothing passed, and for files that are not
    those that passed.
    """
    if card.random:
        raise ZooError(f"{card.name} has random weights: nobody is to take it for a trained model")
    if card.licence.lower() in UNSAID:
        raise ZooError(
            f"nobody says under which licence the weights of {card.name} are; look it up, and say "
            f"licence: … in its entry of config.yaml"
        )
    if not (folder / CARD).is_file():
        raise ZooError(f"{folder} has no model card; build it (snakemake {folder / CARD})")
    proofs = [Verification.read(path) for path in sorted(folder.glob("*.verify.json"))]
    passed = [proof for proof in proofs if proof.verdict.passed]
    if not passed:
        raise ZooError(f"nothing in {folder} has passed its verification")
    files = [CARD]
    for proof in passed:
        proof.check_files([folder / name for name in proof.hashes])
        records = (f"{proof.artifact}.{kind}.json" for kind in ("verify", "eval", "bench"))
        files += [*proof.hashes, *(name for name in records if (folder / name).is_file())]
    files += [name for name in _BESIDE if (folder / name).is_file()]
    evaluations = [Evaluation.read(path) for path in sorted(folder.glob("*.eval.json"))]
    sets = [proof.numbers.image_set for proof in passed if proof.numbers]
    sets += [evaluation.image_set for evaluation in evaluations]
    licences = {"weights": card.licence}
    licences |= {f"images of {name}": _licence(name, image_sets, homes) for name in dict.fromkeys(sets)}
    return Upload(folder, tuple(dict.fromkeys(files)), licences)


def _licence(name: str, image_sets: Mapping[str, Mapping[str, Any]], homes: Iterable[Path]) -> str:
    """Where it is said under which licence the images of a set are, or the licence itself."""
    entry = image_sets.get(name, {})
    dataset = str(entry.get("dataset", name)).partition("/")[0]
    if dataset in DATASETS:
        return DATASETS[dataset].licence
    path = Path(str(entry.get("path", f"calib/{name}")))
    folders = [home / each for home in homes for each in (path, path.parent)]
    found = [folder / file for folder in folders for file in SOURCES if (folder / file).is_file()]
    if not found:
        raise ZooError(
            f"figures of it were taken on {name}, and {path} has no {SOURCES[0]} that says where its images "
            "are from and under which licence; write one"
        )
    return str(found[0])


def publish(upload: Upload, repository: str, private: bool = False) -> str:
    """Put the files on the hub, in one commit, and give its address. repository: `owner/name`, made if there
    is none. The hub's address and the token are the hub client's own matter (HF_ENDPOINT, HF_TOKEN).

    Raises ZooError, in a sentence, where the hub refuses or does not answer.
    """
    from httpx2 import HTTPError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if not sys.stderr.isatty():
        disable_progress_bars()
    api = HfApi()
    try:
        api.create_repo(repository, private=private, exist_ok=True)
        done = api.upload_folder(
            repo_id=repository,
            folder_path=upload.folder,
            allow_patterns=list(upload.files),
            commit_message=f"{upload.folder.name}: {len(upload.files)} files by ncnn-zoo",
        )
    except LocalTokenNotFoundError as error:
        raise ZooError("the hub knows you by a token: run hf auth login, or set HF_TOKEN") from error
    except (HFValidationError, HfHubHTTPError, HTTPError, OSError) as error:
        raise ZooError(f"{repository}: {_first_line(error)}") from error
    except (RuntimeError, ValueError) as error:  # of a large file, which is sent by itself
        reason = f" ({_first_line(error.__cause__)})" if error.__cause__ else ""
        raise ZooError(f"{repository}: {_first_line(error)}{reason}; nothing was committed") from error
    return str(done.commit_url)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
