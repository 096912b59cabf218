"""Whole files of a repository: fetched once, resumed, and checked against the hub's digest."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from huggingface_hub import constants
from huggingface_hub.utils import WeakFileLock

from memorization.errors import UserError
from memorization.progress import progress
from memorization.suite.hub.failures import Unreachable, disk, explained, full
from memorization.suite.hub.patience import PATIENCE, Attempts, Patience, persist
from memorization.suite.hub.repository import Repository
from memorization.suite.hub.source import Source, describe

MB = 1_000_000
# Files from this size on show their progress.
LARGE = 50 * MB


def file_size(repository: Repository, filename: str, *, patience: Patience = PATIENCE) -> int:
    """Return the size of a file in bytes; of a cached one without a question to the hub."""
    cached = repository.place(filename)
    if cached.exists():
        return cached.stat().st_size
    return describe(repository, filename, patience).size


def download(
    repository: Repository,
    filename: str,
    folder: Path | None = None,
    *,
    patience: Patience = PATIENCE,
) -> Path:
    """Return the path of a whole and verified copy of a file.

    Parameters
    ----------
    folder : where to put it, under its own name; nothing is cached then. Default: the hub's cache,
        from which a file is taken without a question to the hub.

    Raises
    ------
    UserError
        If the hub fails for ``patience.total`` seconds without progress, if what came is not what
        the hub announced, if its name leads out of the folder, or if the disk is full. The part
        that has arrived stays beside the file's place (``….incomplete``), and the next call goes on
        from there.
    """
    place = repository.place(filename, folder)
    if folder is None and place.exists() and _is_sound(place.resolve()):
        return place
    source = Source(repository, filename, patience)
    size, digest = source.remote.size, source.remote.digest
    if folder is not None:
        with disk(folder, size):
            return _fetch(source, place, patience)
    # The lock, the place and the link are those of the hub's client, which can read what we cache.
    cache = Path(constants.HF_HUB_CACHE)
    lock = cache / ".locks" / repository.cache.name / f"{digest}.lock"
    with disk(cache, size):
        lock.parent.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(lock):
            _link(_fetch(source, repository.cache / "blobs" / digest, patience), place)
    return place


def _fetch(source: Source, place: Path, patience: Patience) -> Path:
    """Return the place, once the whole file is there."""
    remote = source.remote
    if place.is_file() and place.stat().st_size == remote.size and _matches(place, remote.digest):
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    # Named after the content as well: the first part of another version is of no use.
    partial = place.with_name(f"{place.name}.{remote.digest[:8]}.incomplete")
    resumed = _complete(source, partial, patience)
    if not _matches(partial, remote.digest):
        partial.unlink()
        if resumed:  # its first part may have been damaged here; once more, from the start
            return _fetch(source, place, patience)
        raise UserError(
            f"{source}: what came is not what the hub announced (its digest is not "
            f"{remote.digest[:12]}…), and was removed; run the same command again, or set "
            "HF_ENDPOINT to another hub"
        )
    partial.replace(place)
    return place


def _complete(source: Source, partial: Path, patience: Patience) -> bool:
    """Append what is missing to the first part of a file; return whether there was one."""
    size = source.remote.size
    with partial.open("ab") as out:
        done = out.tell()
        if done > size:
            done = _empty(out)
        if shutil.disk_usage(partial.parent).free < size - done:
            raise full(partial.parent, size - done)
        try:
            with explained(str(source)), _bar(source, done) as advance:
                persist(lambda attempts: _append(source, out, advance, attempts), patience)
        except Unreachable as error:
            arrived = out.tell()
            raise Unreachable(
                f"{error} ({arrived:,} of {size:,} bytes are here; the same command goes on from "
                "there)"
            ) from None
    return done > 0


def _append(
    source: Source, out: BinaryIO, advance: Callable[[int], None], attempts: Attempts
) -> None:
    size = source.remote.size
    start = out.tell()
    if start == size:
        return
    with source.part(start, size, attempts) as answer:
        if answer.status_code == 200 and start:
            _empty(out)
        # As it comes: chunks of a fixed size would lose what has come of one when it breaks off.
        for chunk in answer.iter_bytes():
            out.write(chunk)
            advance(len(chunk))
            attempts.progress()
    if out.tell() != size:
        raise UserError(
            f"{source}: the hub announced {size:,} bytes but sends {out.tell():,}; set "
            "HF_ENDPOINT to another hub"
        )


def _empty(out: BinaryIO) -> int:
    out.seek(0)
    return out.truncate()


@contextmanager
def _bar(source: Source, done: int) -> Iterator[Callable[[int], None]]:
    """Yield what is told of more bytes: a bar for a large file, unless in the background."""
    in_background = threading.current_thread() is not threading.main_thread()
    if source.remote.size < LARGE or in_background:
        yield lambda _: None
        return
    name = source.filename.rpartition("/")[2]
    with progress(name, source.remote.size // MB, "MB", done // MB) as advance:
        rest = done % MB

        def more(count: int) -> None:
            nonlocal rest
            rest += count
            if rest >= MB:
                advance(rest // MB)
                rest %= MB

        yield more


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


def _is_sound(blob: Path) -> bool:
    """Return whether a cached file is what its name says; a copy under its own name is trusted."""
    return _matches(blob, blob.name)


def _matches(path: Path, digest: str) -> bool:
    """Return whether a file has a digest: SHA-256, or git's id (SHA-1 with a header).

    True where what should be a digest is none: then only its size is known.
    """
    if not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", digest):
        return True
    with path.open("rb") as file:
        if len(digest) == 64:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest
        header = b"blob %d\0" % path.stat().st_size
        return hashlib.sha1(header + file.read()).hexdigest() == digest
