"""Parts of a file too large to download: HTTP range reads, many at a time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np

from memorization.errors import UserError
from memorization.progress import progress
from memorization.suite.hub.failures import NotAHub, explained
from memorization.suite.hub.patience import PATIENCE, Attempts, Patience, persist
from memorization.suite.hub.repository import Repository
from memorization.suite.hub.source import Source

# A request costs about as long as this many bytes: gaps up to here are read and thrown away.
GAP = 1 << 16
# Bytes in one request, about; so that an interrupted one loses little and all connections work.
SPAN = 1 << 22
CONNECTIONS = 16
# From this many requests on, progress is shown.
MANY = 200


@overload
def read_ranges(
    repository: Repository,
    filename: str,
    starts: np.ndarray,
    size: int,
    *,
    patience: Patience = ...,
) -> np.ndarray: ...


@overload
def read_ranges(
    repository: Repository,
    filename: str,
    starts: np.ndarray,
    size: np.ndarray,
    *,
    patience: Patience = ...,
) -> list[bytes]: ...


def read_ranges(
    repository: Repository,
    filename: str,
    starts: np.ndarray,
    size: int | np.ndarray,
    *,
    patience: Patience = PATIENCE,
) -> np.ndarray | list[bytes]:
    """Return parts of a file, in the order asked for: uint8 [n, size], or bytes where sizes differ.

    Neighbours are read in one request; a file that is in the cache is read there.

    Parameters
    ----------
    starts : int [n], byte offsets, in any order.
    size : bytes of each part; one number, or int [n].

    Raises
    ------
    UserError
        If the hub fails for ``patience.total`` seconds, or answers with other parts than asked.
    ValueError
        If a part is not inside of the file.
    """
    starts = np.asarray(starts, np.int64)
    sizes = np.broadcast_to(np.asarray(size, np.int64), starts.shape)
    cached = repository.place(filename)
    if cached.exists():
        read: Callable[[int, int], bytes] = _Local(cached).read
        total = cached.stat().st_size
    else:
        remote = _Remote(Source(repository, filename, patience), patience)
        read, total = remote.read, remote.source.remote.size
    if len(starts) and (starts.min() < 0 or sizes.min() < 0 or (starts + sizes).max() > total):
        raise ValueError(f"{filename}: parts must lie within its {total:,} bytes")
    parts: list[bytes] = [b""] * len(starts)
    rows = np.empty((len(starts), int(size)), np.uint8) if np.ndim(size) == 0 else None

    def fetch(members: np.ndarray) -> None:
        first, stop = starts[members[0]], (starts[members] + sizes[members]).max()
        content = read(int(first), int(stop))
        offsets = starts[members] - first
        if rows is not None:
            flat = np.frombuffer(content, np.uint8)
            rows[members] = flat[offsets[:, None] + np.arange(rows.shape[1])]
        else:
            for member, offset in zip(members, offsets, strict=True):
                parts[member] = content[offset : offset + sizes[member]]

    _each(fetch, spans(starts, sizes), filename)
    return parts if rows is None else rows


def spans(starts: np.ndarray, sizes: np.ndarray) -> list[np.ndarray]:
    """Return which parts are read by one request each: the places of neighbours, by start.

    >>> spans(np.array([900_000, 0, 10]), np.array([10, 10, 10]))
    [array([1, 2]), array([0])]
    """
    if not len(starts):
        return []
    order = np.argsort(starts, kind="stable")
    begin = starts[order]
    end = np.maximum.accumulate(begin + sizes[order])
    apart = np.append(True, begin[1:] - end[:-1] > GAP)
    # Neighbourhoods that are too long for one request are cut at multiples of a span.
    place = (begin - begin[apart][np.cumsum(apart) - 1]) // SPAN
    cut = apart | np.append(False, np.diff(place) != 0)
    return np.split(order, np.flatnonzero(cut)[1:])


def _each(fetch: Callable[[np.ndarray], None], jobs: list[np.ndarray], name: str) -> None:
    """Do all jobs on a bounded pool of connections; the first failure ends them all."""
    many = len(jobs) >= MANY
    with (
        ThreadPoolExecutor(CONNECTIONS) as pool,
        progress(f"rows of {name}", len(jobs), "requests") if many else nullcontext(_quiet) as more,
    ):
        try:
            for _ in pool.map(fetch, jobs):
                more(1)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _quiet(_: int) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class _Local:
    path: Path

    def read(self, start: int, stop: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(stop - start)


@dataclass(frozen=True)
class _Remote:
    source: Source
    patience: Patience

    def read(self, start: int, stop: int) -> bytes:
        with explained(str(self.source)):
            return persist(lambda attempts: self._read(start, stop, attempts), self.patience)

    def _read(self, start: int, stop: int, attempts: Attempts) -> bytes:
        if start == stop:
            return b""
        with self.source.part(start, stop, attempts) as answer:
            whole = (start, stop) == (0, self.source.remote.size)
            if answer.status_code != 206 and not whole:
                raise UserError(
                    f"{self.source}: the hub sends the whole file in place of a part; set "
                    "HF_ENDPOINT to a hub that can send parts"
                )
            content = answer.read()
        if len(content) != stop - start:
            raise NotAHub
        return content
