"""Failures of the hub, of the network and of the disk, each as one line that says what to do."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from huggingface_hub import constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from memorization.errors import UserError

NO_NETWORK = "check the network, or set HF_ENDPOINT to a mirror; the micro targets need no network"
ACCESS = "check the name, or set HF_TOKEN to a token that may read it"


class NotAHub(Exception):
    """What answers does not answer as a hub does."""


class Unreachable(UserError):
    """The hub could not be asked; what is cached may still do."""


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn the exceptions of the hub's client into errors for the user.

    Parameters
    ----------
    what : what is asked for, as the user knows it: a repository, or a file in it.

    Raises
    ------
    Unreachable
        If the hub did not answer, or may not be asked.
    UserError
        If it answered with an error.
    """
    try:
        yield
    except OfflineModeIsEnabled:
        raise Unreachable(
            f"{what}: HF_HUB_OFFLINE forbids to ask the hub and it is not all in the cache "
            f"({constants.HF_HUB_CACHE}); unset HF_HUB_OFFLINE"
        ) from None
    except HfHubHTTPError as error:
        raise _answered(what, error) from None
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
        raise UserError(
            f"HF_ENDPOINT={constants.ENDPOINT}: not an address; it must look like "
            "https://huggingface.co"
        ) from None
    except httpx2.TransportError as error:
        raise Unreachable(f"{what}: {_unreachable(error)}; {NO_NETWORK}") from None
    except (NotAHub, FileMetadataError, httpx2.HTTPError):
        raise UserError(
            f"{what}: {constants.ENDPOINT} does not answer as a hub does; check HF_ENDPOINT, "
            "and that no proxy or log-in page stands in between"
        ) from None


def _unreachable(error: httpx2.TransportError) -> str:
    if isinstance(error, httpx2.ReadTimeout):
        return f"{constants.ENDPOINT} accepts connections but does not answer"
    if isinstance(error, httpx2.TimeoutException):
        return f"{constants.ENDPOINT} cannot be reached (no connection in time)"
    if isinstance(error, httpx2.RemoteProtocolError | httpx2.ReadError):
        return f"{constants.ENDPOINT} breaks off its answers ({_one_line(error)})"
    return f"{constants.ENDPOINT} cannot be reached ({_one_line(error)})"


def _answered(what: str, error: HfHubHTTPError) -> UserError:
    status = error.response.status_code
    if isinstance(error, GatedRepoError):
        return UserError(
            f"{what}: gated ({status}); ask for access on its page at {constants.ENDPOINT} and "
            "set HF_TOKEN"
        )
    if isinstance(error, RevisionNotFoundError):
        return UserError(f"{what}: no such revision at {constants.ENDPOINT}")
    if isinstance(error, EntryNotFoundError):
        return UserError(f"{what}: no such file at {constants.ENDPOINT}")
    if isinstance(error, RepositoryNotFoundError) or status in (401, 403, 404):
        # The hub does not tell strangers a private repository from a missing one.
        return UserError(f"{what}: not found or not public ({status}); {ACCESS}")
    if status == 429:
        return UserError(
            f"{what}: too many requests (429); wait some minutes and run the same command again, "
            "it goes on where it stopped; HF_TOKEN raises the limit"
        )
    return UserError(
        f"{what}: {constants.ENDPOINT} answers with error {status}, again and again; try later, "
        "or set HF_ENDPOINT to a mirror"
    )


@contextmanager
def disk(folder: Path, needed: int) -> Iterator[None]:
    """Turn a full or closed disk into an error for the user.

    Parameters
    ----------
    folder : where is written.
    needed : bytes that have still to be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise full(folder, needed) from None
        raise UserError(
            f"{folder}: cannot be written ({error.strerror or error}); change its permissions "
            "(HF_HOME moves the hub's cache)"
        ) from None


def full(folder: Path, needed: int) -> UserError:
    """Return the error of a disk that has no room."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(there).free
    return UserError(
        f"{folder}: disk full: {needed / 1e9:,.2f} GB needed, {free / 1e9:,.2f} GB free; make room "
        "and run the same command again (HF_HOME moves the hub's cache)"
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
