"""Fetching weight files from a model hub or an address, with one clear sentence for each way it can fail.

`huggingface_hub` retries an unreachable hub for 23 seconds to six minutes. So a single request without
retries looks first, and the download starts only when it was answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from huggingface_hub import (
    constants,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    try_to_load_from_cache,
)
from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError is its client's, whichever
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    HTTPError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get

from zoo.errors import PassingError, ZooError

_WAYS_OUT = (
    "give a local file (weights: {file: …}), another source (weights: {url: …}, {package: …}), "
    "a mirror (HF_ENDPOINT) or a cache that holds it (HF_HUB_CACHE)"
)


@dataclass(frozen=True)
class HubFile:
    """A file of a hub repository, in the local cache."""

    path: Path
    name: str
    """Its name in the repository."""
    revision: str
    """The commit it belongs to."""


def download(repository: str, names: Sequence[str], revision: str | None = None) -> HubFile:
    """The first of the files `names` that the hub repository (`owner/name`) has, downloaded to the cache.

    A hub that cannot be reached costs one request without a retry; the cache then serves what it holds.

    Raises ZooError if the hub and the cache cannot help, if there is no such repository, revision or file,
    if a token is needed, or if the download breaks off.
    """
    for name in names:
        try:
            get_hf_file_metadata(hf_hub_url(repository, name, revision=revision))
        except RemoteEntryNotFoundError:
            continue
        except GatedRepoError as error:
            raise ZooError(
                f"{repository} is gated: accept its terms on {constants.ENDPOINT} and set HF_TOKEN"
            ) from error
        except RevisionNotFoundError as error:
            raise ZooError(f"{repository} has no revision {revision}") from error
        except RepositoryNotFoundError as error:
            raise ZooError(
                f"{constants.ENDPOINT} has no repository {repository}, or it is private: check the name, "
                "or set HF_TOKEN to a token that may read it"
            ) from error
        except (HTTPError, OfflineModeIsEnabled, FileMetadataError) as error:
            return _cached(repository, names, revision, _reason(error))
        return _download(repository, name, revision)
    raise ZooError(
        f"{repository} has none of the files {', '.join(names)}; name one by weights: {{hub: …, file: …}}"
    )


def download_url(url: str, folder: Path) -> Path:
    """The file at an http or https address, downloaded into `folder` by huggingface_hub's client, which shows
    its progress and goes on where a connection broke.

    Raises ZooError if the address is of another kind, cannot be reached, or sends less than it announced.
    """
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    if not url.startswith(("http://", "https://")) or not name:
        raise ZooError(
            f"{url} is no http or https address of a file; for a local one use weights: {{file: …}}"
        )
    target = folder / name
    try:
        with target.open("wb") as file:
            http_get(url, file, displayed_filename=name)
    except HfHubHTTPError as error:
        raise ZooError(
            f"{url} answers {error.response.status_code} {error.response.reason_phrase}"
        ) from error
    except (HTTPError, OSError) as error:
        raise PassingError(
            f"{url} cannot be downloaded ({_reason(error)}): run again, or give a local file "
            "(weights: {file: …})"
        ) from error
    return target


def _download(repository: str, name: str, revision: str | None) -> HubFile:
    try:
        path = hf_hub_download(repository, name, revision=revision)
    # hf_xet, the hub's second protocol, raises RuntimeError
    except (HTTPError, OSError, RuntimeError) as error:
        raise PassingError(
            f"{repository}: the download of {name} broke off ({_reason(error)}); run again"
        ) from error
    return _in_cache(Path(path), name)


def _cached(repository: str, names: Sequence[str], revision: str | None, reason: str) -> HubFile:
    for name in names:
        path = try_to_load_from_cache(repository, name, revision=revision)
        if isinstance(path, str):
            return _in_cache(Path(path), name)
    raise PassingError(
        f"{constants.ENDPOINT} gives no {repository} ({reason}), "
        f"and the cache {constants.HF_HUB_CACHE} holds none: {_WAYS_OUT}"
    )


def _in_cache(path: Path, name: str) -> HubFile:
    """The cache lays files out as `snapshots/<commit>/<name>`."""
    return HubFile(path, name, path.parents[len(PurePosixPath(name).parts) - 1].name)


def _reason(error: Exception) -> str:
    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set"
    if isinstance(error, HfHubHTTPError) and error.response is not None:
        code = error.response.status_code
        token = ", so HF_TOKEN is missing or may not read it" if code in (401, 403) else ""
        return f"it answers {code}{token}"
    return " ".join(str(error).split()) or type(error).__name__
