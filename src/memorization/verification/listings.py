"""What the hub lists of a suite's branches: a question a repository, and one a branch."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from memorization.files import read_kept, write_json
from memorization.suite.hub import Repository, download, read_ranges
from memorization.suite.hub.asking import ask, ask_quickly
from memorization.suite.hub.failures import NotAHub, explained
from memorization.verification.branches import FORMATS, Branch, index_of, step_of
from memorization.verification.embeddings import file_of, read_piece

# Bytes of a configuration or an index from which on it is not read: 12b's are below 100,000.
LONGEST = 1 << 24


@dataclass(frozen=True)
class Listed:
    """A branch, the commit that it is at, and whether it must hold the end of training."""

    repository: str
    name: str
    commit: str
    is_final: bool

    @property
    def at(self) -> Repository:
        """The repository at this commit."""
        return Repository("model", self.repository, self.commit)

    @property
    def is_kept(self) -> bool:
        """Whether its listing is in the cache already, where `Repository.files` keeps it."""
        return (self.at.cache / "trees" / f"{self.commit}.files.json").exists()


def listed(names: Sequence[str], steps: Collection[int] | None, last: int) -> list[Listed]:
    """Return the branches of repositories: the checkpoints by step, then ``main``.

    Parameters
    ----------
    names : of repositories; the hub is asked one question each.
    steps : of the checkpoints to list; None: all that there are.
    last : the step that ends training.

    Raises
    ------
    UserError
        If the hub cannot be asked, or lacks a repository.
    """
    found = []
    for place, name in enumerate(names):
        commits = _commits(Repository("model", name, ""), is_quick=place == 0)
        by_step = {step: branch for branch in commits if (step := step_of(branch)) is not None}
        for step, branch in sorted(by_step.items()):
            if steps is None or step in steps:
                found.append(Listed(name, branch, commits[branch], step == last))
        if "main" in commits:
            found.append(Listed(name, "main", commits["main"], True))
    return found


def _commits(repository: Repository, is_quick: bool) -> dict[str, str]:
    url = f"{repository.api}/refs"
    with explained(repository.name):
        answer = ask_quickly(url) if is_quick else ask(url, dict)[0]
        try:
            commits = {ref["name"]: ref["targetCommit"] for ref in answer["branches"]}
            if not all(re.fullmatch("[0-9a-f]{40}", commit) for commit in commits.values()):
                raise NotAHub
        except (KeyError, TypeError):
            raise NotAHub from None
    return commits


def described(branches: Sequence[Listed]) -> Iterator[Branch]:
    """Yield what each branch holds; listings that were got before are taken from the cache.

    Configurations and indices are read, each content once.

    Raises
    ------
    UserError
        If the hub cannot be asked for a while.
    """
    known: dict[str, Any] = {}
    for branch in branches:
        at = branch.at
        small = {
            name: _json(at, name, known)
            for name in ("config.json", *map(index_of, FORMATS))
            if name in at.files
        }
        config = small.pop("config.json", None)
        indices = {name: _weight_map(content) for name, content in small.items()}
        yield Branch(
            branch.repository,
            branch.name,
            branch.commit,
            at.files,
            branch.is_final,
            config,
            indices,
        )


def _json(at: Repository, name: str, known: dict[str, Any]) -> dict[str, Any] | None:
    """Return what a small file holds; None: it is no JSON object."""
    size, digest = at.file(name)
    if digest not in known:
        known[digest] = None
        if size < LONGEST:
            try:
                content = json.loads(download(at, name).read_text("utf-8"))
                known[digest] = content if isinstance(content, dict) else None
            except (ValueError, RecursionError):
                pass
    return known[digest]


def _weight_map(index: dict[str, Any] | None) -> dict[str, str] | None:
    places = (index or {}).get("weight_map")
    if not isinstance(places, dict) or not places:
        return None
    # The names are shown.
    is_shown = (isinstance(place, str) and place.isprintable() for place in places.values())
    return places if all(is_shown) else None


def embedding(branch: Branch) -> np.ndarray | None:
    """Return the first values of a branch's embedding; None: no safetensors file holds it.

    What was read before is taken from the cache, by the digest of the file.

    Raises
    ------
    ValueError
        If the file is none.
    UserError
        If the hub cannot be asked for a while.
    """
    name = file_of(branch)
    if name is None:
        return None
    at = Repository("model", branch.repository, branch.commit)
    size, digest = branch.files[name]
    kept = at.cache / "trees" / f"{digest}.embedding.json"
    if values := read_kept(kept).get("values"):
        return np.array(values, np.float64)

    def read(start: int, stop: int) -> bytes:
        return read_ranges(at, name, np.array([start]), stop - start)[0].tobytes()

    piece = read_piece(read, size)
    with suppress(OSError):  # then it is asked for again, next time
        write_json({"values": piece.tolist()}, kept)
    return piece
