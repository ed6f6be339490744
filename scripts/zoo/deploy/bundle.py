"""The deploy bundle: an archive with an ncnn artifact and all that another machine needs to run it."""

import hashlib
import json
import stat
import zipfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from zoo.config.records.card import LOGITS, ModelCard
from zoo.config.records.verification import Verification
from zoo.deploy.programs import CHANNELS, build_files, obstacle, programs, render
from zoo.errors import ZooError
from zoo.images.preprocess import mean_norm
from zoo.jobs.files import replacing
from zoo.ncnn.graph import Graph, read_param

INPUT, OUTPUT = "in0", "out0"


def write_bundle(card: ModelCard, proof: Verification, param: Path, weights: Path, target: Path) -> None:
    """Write a .zip with the artifact's files, labels.txt where there are labels, preprocess.json, the
    programs of `zoo.deploy.programs`, and a README.md; all in one folder, `<model>-<device>-<artifact>`.

    Equal input gives equal bytes: nothing is compressed, which weights hardly are, and no file has a time.

    proof: what the artifact's verification found; its bytes, and no others, are packed.

    Raises ZooError for a model that is not a classifier of one image (see `obstacle`), for an artifact that
    failed its verification, and for files that are not those verified.
    """
    _check_interface(card, param)
    if not proof.verdict.passed or proof.numbers is None:
        raise ZooError(f"it failed verification: {'; '.join(proof.verdict.failures)}")
    device, artifact = proof.device, proof.artifact
    source = ", ".join(str(value) for value in card.source.values() if value is not None)
    told = {"card": card, "device": device, "artifact": artifact, "source": source, "proof": proof}
    told["release"] = (proof.runtime.version if proof.runtime else version("ncnn")).rpartition(".")[2]
    texts = {
        **programs(card.preprocess, artifact, device, card.output or LOGITS),
        **build_files(device),
        "preprocess.json": _json(interface(card, proof)),
        "README.md": render("README.md", told),
    }
    if card.labels:
        texts["labels.txt"] = "".join(f"{label}\n" for label in card.labels)
    contents: dict[str, str | Path] = {**texts, f"{artifact}.param": param, f"{artifact}.bin": weights}
    folder = f"{card.name}-{device}-{artifact}"
    with replacing(target) as (temporary,), zipfile.ZipFile(temporary, "w") as archive:
        for name, content in sorted(contents.items()):
            entry = zipfile.ZipInfo(f"{folder}/{name}")  # its time is the first that the format knows
            entry.create_system = 3  # Unix, wherever this runs
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            if isinstance(content, str):
                archive.writestr(entry, content)
            else:
                proof.check_hash(content, _store(archive, entry, content))


def interface(card: ModelCard, proof: Verification) -> dict[str, Any]:
    """What preprocess.json says: the preprocessing record, the same as ncnn's mean_vals and norm_vals, the
    blobs, the files' SHA-256 and the verdict on them, and where the weights come from."""
    mean, norm = mean_norm(card.preprocess)
    return {
        "model": card.name,
        "device": proof.device,
        "artifact": proof.artifact,
        "files": proof.hashes,
        "verification": _verdict(proof),
        "input": {"blob": INPUT, "shape": list(card.input)},
        "output": {"blob": OUTPUT, "classes": card.num_classes, "values": card.output},
        "preprocess": card.preprocess.to_dict(),
        "mean_vals": list(mean),
        "norm_vals": list(norm),
        "weights": {
            "source": dict(card.source),
            "sha256": card.sha256,
            "licence": card.licence,
            "random": card.random,
        },
    }


def _verdict(proof: Verification) -> dict[str, Any]:
    """What a verdict rests on, in figures as coarse as they mean something on another machine."""
    verdict, numbers = proof.verdict, proof.numbers
    assert numbers is not None
    return {
        "passed": verdict.passed,
        "gates": dict(verdict.gates),
        "image_set": numbers.image_set,
        "images": numbers.images,
        "sqnr_db": round(numbers.sqnr_db, 1),
        "top1_agreement": numbers.top1_agreement,
    }


def _check_interface(card: ModelCard, param: Path) -> None:
    """ZooError for what the programs cannot feed or show."""
    graph = Graph(read_param(param).layers)
    what = obstacle(card)
    if graph.inputs != (INPUT,):
        what = f"has the inputs {', '.join(graph.inputs)}"
    elif OUTPUT not in graph.outputs or "out1" in graph.outputs:
        what = f"has the outputs {', '.join(graph.outputs)}"
    if what:
        raise ZooError(
            f"{card.name} {what}, and a deploy bundle is for classifiers of one {' or '.join(CHANNELS)} "
            f"image ({INPUT} to {OUTPUT}); copy {param.name} and its .bin and use ncnn directly"
        )


def _store(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> str:
    """Copy a file into the archive without holding it in memory: weights can be a gigabyte.

    Returns the SHA-256 of what was copied: read once, so that no other bytes are packed than those hashed.
    """
    digest = hashlib.sha256()
    entry.file_size = path.stat().st_size
    with path.open("rb") as source, archive.open(entry, "w") as copy:
        while chunk := source.read(1 << 20):
            digest.update(chunk)
            copy.write(chunk)
    return digest.hexdigest()


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
