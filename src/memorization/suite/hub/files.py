"""The bytes of a repository's files: whole, in parts, or as a stream; each checked."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import httpx2
import numpy as np
from huggingface_hub import constants, get_hf_file_metadata, get_session, hf_hub_url
from huggingface_hub.utils import WeakFileLock, hf_raise_for_status

from memorization.errors import UserError
from memorization.progress import progress
from memorization.suite.hub.asking import Attempts, body, headers, persist
from memorization.suite.hub.failures import NotAHub, Unreachable, disk, explained
from memorization.suite.hub.repository import Repository

# Files from this many bytes on show their progress.
LARGE = 50_000_000
# A request costs about as long as this many bytes: gaps up to here are read and thrown away.
GAP = 1 << 16
# Bytes in one request, about; so that an interrupted one loses little and all connections work.
SPAN = 1 << 22
CONNECTIONS = 16
# From this many requests on, progress is shown.
MANY = 200


class _Remote:
    """A file on the hub; renews the signed link to its bytes when that expires."""

    def __init__(self, repository: Repository, filename: str) -> None:
        self.repository, self.filename = repository, filename
        self.size, self.digest = repository.file(filename)
        self._url = ""
        self._lock = threading.Lock()

    def __str__(self) -> str:
        return f"{self.repository}, {self.filename}"

    @contextmanager
    def part(self, start: int, stop: int, attempts: Attempts) -> Iterator[httpx2.Response]:
        """Yield the answer that carries some bytes: 206, or 200 if it carries the whole file."""
        url = self._url or self._find(attempts, "")
        is_signed = urlsplit(url)[:2] != urlsplit(constants.ENDPOINT)[:2]
        # The token is for the hub alone, not for the host that the signed link leads to.
        asked = {"Accept-Encoding": "identity"} | ({} if is_signed else headers())
        if (start, stop) != (0, self.size):
            asked["Range"] = f"bytes={start}-{stop - 1}"
        with get_session().stream("GET", url, headers=asked, timeout=attempts.timeout()) as answer:
            if is_signed and answer.status_code == 403:
                self._find(attempts, url)
                raise httpx2.RemoteProtocolError("the signed link to its bytes has expired")
            hf_raise_for_status(answer)
            said = answer.headers.get("Content-Range", "")
            if answer.status_code == 206 and said != f"bytes {start}-{stop - 1}/{self.size}":
                raise NotAHub
            yield answer

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from one place until before another."""

        def attempt(attempts: Attempts) -> bytes:
            with self.part(start, stop, attempts) as answer:
                if answer.status_code != 206 and (start, stop) != (0, self.size):
                    raise UserError(
                        f"{self}: the hub sends the whole file in place of a part; set HF_ENDPOINT "
                        "to a hub that can send parts"
                    )
                content = b"".join(body(answer, stop - start))
            if len(content) != stop - start:
                raise NotAHub
            return content

        with explained(str(self)):
            return persist(attempt)

    def other(self) -> UserError:
        """Return the error of bytes that are not the file's."""
        return UserError(
            f"{self}: what came is not what the hub announced (its digest is not "
            f"{self.digest[:12]}…), and was not kept; run the same command again, or set "
            "HF_ENDPOINT to another hub"
        )

    def _find(self, attempts: Attempts, expired: str) -> str:
        """Return where the bytes are now; another thread may have asked already."""
        with self._lock:
            if self._url == expired:
                where = self.repository
                url = hf_hub_url(
                    where.name, self.filename, repo_type=where.kind, revision=where.commit
                )
                # The client passes it on as it is; a number would leave the connection unbounded.
                timeout: Any = attempts.timeout()
                found = get_hf_file_metadata(url, timeout=timeout, headers=headers())
                if found.commit_hash != where.commit:
                    raise UserError(
                        f"{where.name}: asked for commit {where.commit}, but {constants.ENDPOINT} "
                        f"answers with {found.commit_hash}; read from another hub"
                    )
                self._url = found.location
            return self._url


def download(repository: Repository, filename: str, folder: Path | None = None) -> Path:
    """Return the path of a whole and verified copy of a file.

    Parameters
    ----------
    folder : where to put it, under its own name; nothing is cached then. Default: the hub's cache,
        from which a file is taken without a question to the hub. Whether one is whole is decided
        by its digest in the commit's listing.

    Raises
    ------
    UserError
        If the hub fails for a while without progress, if what came is not what the hub announced,
        if its name leads out of the folder, or if the disk is full. The part that has arrived stays
        beside the file's place (``….incomplete``), and the next call goes on from there.
    """
    place = repository.place(filename, folder)
    remote = _Remote(repository, filename)
    if folder is not None:
        with disk(folder, remote.size):
            return _fetch(remote, place)
    # The lock, the place and the link are those of the hub's client, which can read what we cache.
    cache = Path(constants.HF_HUB_CACHE)
    lock = cache / ".locks" / repository.cache.name / f"{remote.digest}.lock"
    with disk(cache, remote.size):
        lock.parent.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(lock):
            if not (place.exists() and _matches(place, remote.digest)):
                _link(_fetch(remote, repository.cache / "blobs" / remote.digest), place)
    return place


def _fetch(remote: _Remote, place: Path) -> Path:
    """Return the place, once the whole file is there."""
    if place.is_file() and _matches(place, remote.digest):
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    # Named after the content as well: the first part of another version is of no use.
    partial = place.with_name(f"{place.name}.{remote.digest[:8]}.incomplete")
    with partial.open("ab") as out:
        first = out.tell()
        _complete(remote, out)
    if not _matches(partial, remote.digest):
        partial.unlink()
        if first:  # it may have been damaged here; once more, from the start
            return _fetch(remote, place)
        raise remote.other()
    partial.replace(place)
    return place


def _complete(remote: _Remote, out: BinaryIO) -> None:
    """Append what is missing to the first part of a file."""
    size = remote.size
    if out.tell() > size:
        _empty(out)
    furthest = out.tell()
    if shutil.disk_usage(Path(out.name).parent).free < size - furthest:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def append(attempts: Attempts) -> None:
        nonlocal furthest
        if out.tell() == size:
            return
        with remote.part(out.tell(), size, attempts) as answer:
            if answer.status_code == 200 and out.tell():
                _empty(out)
            for chunk in body(answer, size - out.tell()):
                out.write(chunk)
                if out.tell() > furthest:  # else the host knows no ranges, and began anew
                    attempts.progress(out.tell() - furthest)
                    advance(out.tell() - furthest)
                    furthest = out.tell()
        if out.tell() != size:
            raise UserError(
                f"{remote}: the hub announced {size:,} bytes but sends {out.tell():,}; set "
                "HF_ENDPOINT to another hub"
            )

    # A bar for a large file, unless something else is being shown meanwhile.
    is_shown = size >= LARGE and threading.current_thread() is threading.main_thread()
    name = remote.filename.rpartition("/")[2]
    bar = progress(name, size, "bytes", furthest) if is_shown else nullcontext(_quiet)
    try:
        with explained(str(remote)), bar as advance:
            persist(append)
    except Unreachable as error:
        raise Unreachable(
            f"{error} ({out.tell():,} of {size:,} bytes are here; the same command goes on from "
            "there)"
        ) from None


def _empty(out: BinaryIO) -> None:
    out.seek(0)
    out.truncate()


def _quiet(_: int) -> None:
    """Show no progress."""


def _link(blob: Path, place: Path) -> None:
    """Put a cached file where its commit has it; a copy where there are no links."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    try:
        if constants.HF_HUB_DISABLE_SYMLINKS:
            raise OSError
        place.symlink_to(os.path.relpath(blob, place.parent))
    except OSError:
        partial = place.with_name(f"{place.name}.incomplete")
        shutil.copyfile(blob, partial)
        partial.replace(place)


def _matches(path: Path, digest: str) -> bool:
    """Return whether a file has a digest."""
    with path.open("rb") as file:
        total = _hasher(digest, path.stat().st_size)
        return hashlib.file_digest(file, lambda: total).hexdigest() == digest


def _hasher(digest: str, size: int) -> Any:
    """Return what computes such a digest: SHA-256, or git's id (SHA-1 with a header)."""
    return hashlib.sha256() if len(digest) == 64 else hashlib.sha1(b"blob %d\0" % size)


@cache
def _is_whole(path: Path, digest: str) -> bool:
    """Return whether a file in the cache is what it should be; of each it is found out once."""
    return _matches(path, digest)


def stream(repository: Repository, filename: str) -> Iterator[bytes]:
    """Yield the bytes of a file from its start, block by block, and keep none of them.

    Raises
    ------
    UserError
        If the hub fails; at the end, if they are not those of the file.
    """
    remote = _Remote(repository, filename)
    total = _hasher(remote.digest, remote.size)
    for start in range(0, remote.size, SPAN):
        block = remote.read(start, min(start + SPAN, remote.size))
        total.update(block)
        yield block
    if total.hexdigest() != remote.digest:
        raise remote.other()


def read_ranges(repository: Repository, filename: str, starts: np.ndarray, size: int) -> np.ndarray:
    """Return parts of a file, in the order asked for, uint8 [n, size]; many at a time.

    Neighbours are read in one request; a file that is in the cache is read there.

    Parameters
    ----------
    starts : int [n], byte offsets, in any order.
    size : bytes of each part.

    Raises
    ------
    UserError
        If the hub fails for a while, or answers with other parts than asked.
    ValueError
        If a part is not inside of the file.
    """
    starts = np.asarray(starts, np.int64)
    cached, remote = repository.place(filename), _Remote(repository, filename)
    if len(starts) and (starts.min() < 0 or starts.max() + size > remote.size):
        raise ValueError(f"{filename}: parts must lie within its {remote.size:,} bytes")
    read = remote.read
    if cached.exists() and _is_whole(cached, remote.digest):
        content = np.memmap(cached, np.uint8, "r")
        read = lambda start, stop: content[start:stop].tobytes()  # noqa: E731
    rows = np.empty((len(starts), size), np.uint8)

    def fetch(members: np.ndarray) -> None:
        first, stop = int(starts[members[0]]), int(starts[members[-1]]) + size
        span = np.frombuffer(read(first, stop), np.uint8)
        rows[members] = span[(starts[members] - first)[:, None] + np.arange(size)]

    jobs = spans(starts, size)
    is_shown, name = len(jobs) >= MANY, f"rows of {filename}"
    bar = progress(name, len(jobs), "requests") if is_shown else nullcontext(_quiet)
    with ThreadPoolExecutor(CONNECTIONS) as pool, bar as advance:
        try:
            for _ in pool.map(fetch, jobs):
                advance(1)
        except BaseException:  # the first failure ends them all
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return rows


def spans(starts: np.ndarray, size: int) -> list[np.ndarray]:
    """Return which parts are read by one request each: the places of neighbours, by start.

    >>> spans(np.array([900_000, 0, 10]), 10)
    [array([1, 2]), array([0])]
    """
    if not len(starts):
        return []
    order = np.argsort(starts, kind="stable")
    begin = starts[order]
    apart = np.append(True, np.diff(begin) > size + GAP)
    # Neighbourhoods that are too long for one request are cut at multiples of a span.
    place = (begin - begin[apart][np.cumsum(apart) - 1]) // SPAN
    cut = apart | np.append(False, np.diff(place) != 0)
    return np.split(order, np.flatnonzero(cut)[1:])
