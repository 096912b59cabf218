"""The files that a repository holds at its commit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from memorization.errors import UserError
from memorization.files import replacing
from memorization.suite.hub.failures import NotAHub, explained
from memorization.suite.hub.names import some
from memorization.suite.hub.patience import PATIENCE, Patience, persist
from memorization.suite.hub.repository import Repository
from memorization.suite.hub.requests import get, parsed

SHARD = re.compile(r"-\d{5}-of-(\d{5})")


def list_files(
    repository: Repository, pattern: str = "*", *, patience: Patience = PATIENCE
) -> list[str]:
    """Return the names of the files that match a glob, sorted; ``*`` matches ``/`` as well.

    Raises
    ------
    UserError
        If none does (it names what there is), if some shards ``-0000i-of-0000n`` are missing, or
        if the hub cannot be asked.
    """
    names = sorted(listing(repository, patience))
    found = [name for name in names if fnmatchcase(name, pattern)]
    if not found:
        raise UserError(
            f"{repository}: no file matches '{pattern}'; there are {_splits(names, pattern)}"
        )
    announced = {match[1] if (match := SHARD.search(name)) else None for name in found}
    # Only where all are shards of one split. Some are numbered from 0 to n: one more is no fault.
    if len(announced) == 1 and len(found) < int(announced.pop() or 0):
        raise UserError(
            f"{repository}: of the shards that match '{pattern}' only {len(found)} are there; the "
            "copy is incomplete: read from another hub (HF_ENDPOINT)"
        )
    return found


def listing(repository: Repository, patience: Patience) -> dict[str, dict[str, Any]]:
    """Return all files by name, with ``size`` in bytes.

    A commit never changes, so its listing is kept in the cache, where and as the hub's client keeps
    it (``huggingface_hub/_tree_cache.py``): one that is read again needs no network.
    """
    kept = repository.cache / "trees" / f"{repository.commit}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):  # then the hub is asked
        known = json.loads(kept.read_text(encoding="utf-8"))
        if known["format_version"] == 1:
            return dict(known["files"])
    with explained(str(repository)):
        files = dict(_tree(repository, patience))
    # A cache that cannot be written costs a question more, next time.
    with suppress(OSError), replacing(kept) as unfinished:
        unfinished.write_text(json.dumps({"format_version": 1, "files": files}), "utf-8")
    return files


def _tree(repository: Repository, patience: Patience) -> Iterator[tuple[str, dict[str, Any]]]:
    url = f"{repository.api}/tree/{repository.commit}?recursive=true"
    while url:
        page = persist(partial(get, url), patience)
        try:
            for entry in parsed(page, list):
                if entry["type"] == "file":
                    repository.place(entry["path"])  # refuses a name that leads elsewhere
                    yield entry["path"], _file(entry)
        except (KeyError, TypeError, AttributeError):
            raise NotAHub from None
        url = page.links.get("next", {}).get("url", "")


def _file(entry: dict[str, Any]) -> dict[str, Any]:
    file: dict[str, Any] = {"size": entry["size"], "blob_id": entry["oid"]}
    if entry.get("lfs"):
        file |= {"lfs_sha256": entry["lfs"]["oid"], "lfs_size": entry["lfs"]["size"]}
    if entry.get("xetHash"):
        file["xet_hash"] = entry["xetHash"]
    return file


def _splits(names: list[str], pattern: str) -> str:
    """Name the splits that there are: the files of the pattern's folder, less shard and ending."""
    folder = pattern.rpartition("/")[0]
    inside = [name for name in names if name.rpartition("/")[0] == folder] or names
    splits = {SHARD.split(name.rpartition("/")[2])[0] for name in inside}
    wanted = SHARD.split(pattern.rpartition("/")[2])[0]
    return some(sorted(splits), wanted, most=40) if splits else "no files"
