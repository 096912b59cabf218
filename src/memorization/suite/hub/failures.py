"""Failures of the hub, of the network and of the disk, each as one line that says what to do."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from huggingface_hub import constants, errors

from memorization.errors import UserError


class NotAHub(Exception):
    """What answers does not answer as a hub does."""


class Unreachable(UserError):
    """The hub did not answer, or may not be asked; what is cached may still do."""


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn the exceptions of the hub's client into errors for the user, or `Unreachable`.

    Parameters
    ----------
    what : what is asked for, as the user knows it: a repository, or a file in it.
    """
    hub = constants.ENDPOINT
    try:
        yield
    except errors.OfflineModeIsEnabled:
        raise Unreachable(
            f"{what}: HF_HUB_OFFLINE forbids to ask the hub and it is not all in the cache "
            f"({constants.HF_HUB_CACHE}); unset HF_HUB_OFFLINE"
        ) from None
    except errors.HfHubHTTPError as error:
        raise UserError(f"{what}: {_answered(error)}") from None
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
        raise UserError(
            f"HF_ENDPOINT={hub}: not an address; it must look like https://huggingface.co"
        ) from None
    except httpx2.TransportError as error:
        raise Unreachable(
            f"{what}: {hub} {_unreachable(error)}; check the network, or set HF_ENDPOINT to a "
            "mirror; the micro targets need no network"
        ) from None
    except (NotAHub, errors.FileMetadataError, httpx2.HTTPError):
        raise UserError(
            f"{what}: {hub} does not answer as a hub does; check HF_ENDPOINT, and that no proxy or "
            "log-in page stands in between"
        ) from None


def _unreachable(error: httpx2.TransportError) -> str:
    if isinstance(error, httpx2.ReadTimeout):
        return "accepts connections but does not answer"
    if isinstance(error, httpx2.TimeoutException):
        return "cannot be reached (no connection in time)"
    is_broken = isinstance(error, httpx2.RemoteProtocolError | httpx2.ReadError)
    reason = " ".join(str(error).split()) or type(error).__name__
    return f"{'breaks off its answers' if is_broken else 'cannot be reached'} ({reason})"


def _answered(error: errors.HfHubHTTPError) -> str:
    hub, status = constants.ENDPOINT, error.response.status_code
    if isinstance(error, errors.GatedRepoError):
        return f"gated ({status}); ask for access on its page at {hub} and set HF_TOKEN"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"no such revision at {hub}"
    if isinstance(error, errors.EntryNotFoundError):
        return f"no such file at {hub}"
    if status in (401, 403, 404):
        # The hub does not tell strangers a private repository from a missing one.
        return f"not found or not public ({status}); check the name, or HF_TOKEN: it must read it"
    if status == 429:
        return (
            "too many requests (429); wait some minutes and run the same command again, it goes on "
            "where it stopped; HF_TOKEN raises the limit"
        )
    return f"{hub} answers with error {status}, again and again; try later, or set HF_ENDPOINT"


@contextmanager
def disk(folder: Path, needed: int) -> Iterator[None]:
    """Turn a full or closed disk into an error for the user; `needed` bytes are to be written."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise UserError(
                f"{folder}: cannot be written ({error.strerror or error}); change its permissions "
                "(HF_HOME moves the hub's cache)"
            ) from None
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        raise UserError(
            f"{folder}: disk full: {needed / 1e9:,.2f} GB needed, "
            f"{shutil.disk_usage(there).free / 1e9:,.2f} GB free; make room and run the same "
            "command again (HF_HOME moves the hub's cache)"
        ) from None
