"""Failures of the hub, of the network and of the disk, each as one line that says what to do."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import constants, errors

from memorization.errors import UserError


class NotAHub(Exception):
    """What answers does not answer as a hub does."""


class TooSlow(httpx2.ReadTimeout):
    """What comes is so little that it would never end."""


class Unreachable(UserError):
    """The hub did not answer as it should, or may not be asked; what is cached may still do."""


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn the exceptions of the hub's client into errors for the user, or `Unreachable`.

    Parameters
    ----------
    what : what is asked for, as the user knows it: a repository, or a file in it.
    """
    hub = constants.ENDPOINT
    if not _is_address(hub):
        raise UserError(
            f"HF_ENDPOINT={hub}: not an address; it must look like https://huggingface.co"
        )
    try:
        yield
    except errors.OfflineModeIsEnabled:
        raise Unreachable(
            f"{what}: HF_HUB_OFFLINE forbids to ask the hub and it is not all in the cache "
            f"({constants.HF_HUB_CACHE}); unset HF_HUB_OFFLINE"
        ) from None
    except errors.HfHubHTTPError as error:
        # 401, 403 and 404 are the hub's own word; others are those of a hub out of order.
        lasts = error.response.status_code < 500 and error.response.status_code != 429
        raise (UserError if lasts else Unreachable)(f"{what}: {_answered(error)}") from None
    except _NO_HUB:
        raise Unreachable(
            f"{what}: {hub} does not answer as a hub does; check HF_ENDPOINT, and that no proxy or "
            "log-in page stands in between"
        ) from None
    except httpx2.TransportError as error:
        raise Unreachable(
            f"{what}: {hub} {_unreachable(error)}; check the network, or set HF_ENDPOINT to a "
            "mirror; the micro targets need no network"
        ) from None


# The last two are of an address that a redirect leads to.
_NO_HUB = (
    NotAHub,
    errors.FileMetadataError,
    httpx2.DecodingError,
    httpx2.TooManyRedirects,
    httpx2.InvalidURL,
    httpx2.UnsupportedProtocol,
)


def _is_address(hub: str) -> bool:
    try:
        parts = urlsplit(hub)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none
        return False


def _unreachable(error: httpx2.TransportError) -> str:
    if isinstance(error, TooSlow):
        return str(error)
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
    often = "" if status < 500 else ", again and again"
    return f"{hub} answers with error {status}{often}; try later, or set HF_ENDPOINT"


@contextmanager
def disk(folder: Path, needed: int) -> Iterator[None]:
    """Turn a full or closed disk into an error for the user; `needed` bytes are to be written."""
    try:
        yield
    except OSError as error:
        homes = (constants.HF_HOME, constants.HF_HUB_CACHE)
        is_cache = any(folder.is_relative_to(home) for home in homes)
        moves = " (HF_HOME moves the hub's cache)" if is_cache else ""
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            where = error.filename or folder
            raise UserError(
                f"{where}: cannot be written ({error.strerror or error}); it must be inside of a "
                f"folder that you may write to{moves}"
            ) from None
        there = next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
        free = shutil.disk_usage(there).free
        raise UserError(
            f"{folder}: disk full: {_size(needed)} needed, {_size(free)} free; make room and run "
            f"the same command again{moves}"
        ) from None


def _size(n: int) -> str:
    """Return a number of bytes as people read it.

    >>> _size(23_850_000_000), _size(4_098)
    ('23.85 GB', '4,098 bytes')
    """
    return f"{n / 1e9:,.2f} GB" if n >= 1e8 else f"{n:,} bytes"
