"""A manifest of the files that there are."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zoo.config.artifacts import ARTIFACTS, DEVICES
from zoo.config.records.card import ModelCard
from zoo.config.records.verification import Numbers, Verification
from zoo.errors import ZooError
from zoo.jobs.made import made_sha256
from zoo.jobs.making import Making
from zoo.jobs.surroundings import Surroundings
from zoo.provenance.covered import LEFT_OUT
from zoo.provenance.manifest import (
    FAILED,
    NOT_VERIFIED,
    PASSED,
    ArtifactVerdict,
    DescribedArtifact,
    DescribedFile,
    DescribedModel,
    Figures,
    Made,
    Manifest,
    Weights,
)


def describe(files: Iterable[Path], settings: Mapping[str, Any], root: Path, sbom: Path) -> Manifest:
    """The manifest of these files below `root`, its folder.

    settings: what holds for each declared model, see `zoo.provenance.covered.settings`; models of which there
    is no file are left out. sbom: one of the files. Raises ZooError for a proof or a card that is broken.
    """
    paths = {file.relative_to(root).as_posix(): file for file in files}
    surroundings: dict[str, Mapping[str, Any]] = {}
    described = {path: _file(file, surroundings) for path, file in sorted(paths.items())}
    own = Surroundings.own()
    values = {
        "version": Manifest.VERSION,
        "commit": own.commit and asdict(own.commit),
        "environment": own.environment,
        "sbom": sbom.relative_to(root).as_posix(),
        "surroundings": dict(sorted(surroundings.items())),
        "models": _models(described, settings, root),
        "artifacts": [asdict(each) for each in _artifacts(described, settings, root)],
        "files": {path: asdict(each) for path, each in described.items()},
        "left_out": list(LEFT_OUT),
    }
    return Manifest.from_dict(json.loads(json.dumps(values, default=str)))


def _file(path: Path, surroundings: dict[str, Mapping[str, Any]]) -> DescribedFile:
    """A file; what its job ran in is added to `surroundings`."""
    digest = made_sha256(path)
    making = Making.read(path)
    if making is None or making.sha256 != digest:
        return DescribedFile(path.stat().st_size, digest, None)
    values = asdict(making.surroundings)
    key = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]
    surroundings[key] = values
    made = Made(making.rule, f"snakemake --force {path}", making.inputs, making.params, key)
    return DescribedFile(path.stat().st_size, digest, made)


def _models(files: Mapping[str, DescribedFile], settings: Mapping[str, Any], root: Path) -> dict[str, Any]:
    with_files = {Path(path).parts[1] for path in files if len(Path(path).parts) == 3}
    with_files |= {Path(path).stem for path in files if Path(path).parts[0] == "weights"}
    return {
        name: asdict(DescribedModel(values, _weights(root / "weights" / f"{name}.json", files)))
        for name, values in settings.items()
        if name in with_files
    }


def _weights(path: Path, files: Mapping[str, DescribedFile]) -> Weights | None:
    if f"weights/{path.name}" not in files:
        return None
    card = ModelCard.read(path)
    return Weights(card.source, card.sha256, card.licence, card.random)


def _artifacts(
    files: Mapping[str, DescribedFile], models: Iterable[str], root: Path
) -> Iterable[DescribedArtifact]:
    folders = {Path(path).parts[0] for path in files if len(Path(path).parts) == 3}
    for device in (*DEVICES, *sorted(folders - set(DEVICES))):
        for model in models:
            for kind in ARTIFACTS.values():
                paths = tuple(f"{device}/{model}/{name}" for name in kind.files)
                if all(path in files for path in paths):
                    proof = root / device / model / f"{kind.name}.verify.json"
                    verdict = _verdict(proof, {Path(path).name: files[path].sha256 for path in paths})
                    yield DescribedArtifact(device, model, kind.name, paths, verdict)


def _verdict(path: Path, hashes: Mapping[str, str]) -> ArtifactVerdict:
    """What a proof says of an artifact whose files have these SHA-256s: nothing, if it is of other bytes."""
    if not path.is_file():
        return ArtifactVerdict(NOT_VERIFIED, ("there is no proof",), {}, None, None)
    proof = Verification.read(path)
    try:
        for name, digest in hashes.items():
            proof.check_hash(path.with_name(name), digest)
    except ZooError as error:
        return ArtifactVerdict(NOT_VERIFIED, (str(error),), {}, None, None)
    status = PASSED if proof.verdict.passed else FAILED
    return ArtifactVerdict(
        status, proof.verdict.failures, proof.verdict.gates, _figures(proof.numbers), proof.runtime
    )


def _figures(numbers: Numbers | None) -> Figures | None:
    if numbers is None:
        return None
    return Figures(
        numbers.image_set,
        numbers.images,
        numbers.cosine.min,
        numbers.sqnr_db,
        numbers.max_abs_error,
        numbers.top1_agreement,
    )
