"""What the hub lists of a suite's branches: a question a repository, and one a branch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from huggingface_hub.errors import RevisionNotFoundError

from memorization.errors import UserError
from memorization.files import read_kept, write_json
from memorization.suite.hub import Repository, download, read_ranges
from memorization.suite.hub.asking import ask, ask_quickly
from memorization.suite.hub.failures import NotAHub, explained
from memorization.verification.branches import (
    FORMATS,
    Branch,
    index_of,
    is_plain,
    stage_of,
    step_of,
)
from memorization.verification.embeddings import file_of
from memorization.verification.pieces import Read, read_piece

# Bytes of a configuration or an index from which on it is not read: 12b's are below 100,000.
LONGEST = 1 << 24


@dataclass(frozen=True)
class Listed:
    """A branch, the commit that it is at, and whether it may hold the end of training."""

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
        """Whether its listing is in the cache already."""
        return self.at.kept_files.exists()


def listed(names: Sequence[str], last: Mapping[str, int]) -> list[Listed]:
    """Return the branches of repositories: the checkpoints by stage and step, then ``main``.

    Parameters
    ----------
    names : of repositories; the hub is asked one question each.
    last : repository -> the step that ends training; where stages are named, each way through the
        last one ends.

    Raises
    ------
    UserError
        If the hub cannot be asked, or lacks a repository.
    """
    found = []
    for place, name in enumerate(names):
        commits = _commits(Repository("model", name, ""), is_quick=place == 0)
        steps_of = {branch: step for branch in commits if (step := step_of(branch)) is not None}
        ends = _ends(steps_of, last[name])
        for branch, _ in sorted(steps_of.items(), key=lambda own: (stage_of(own[0]), own[1])):
            found.append(Listed(name, branch, commits[branch], branch in ends))
        if "main" in commits:
            found.append(Listed(name, "main", commits["main"], True))
    return found


def _ends(steps_of: Mapping[str, int], last: int) -> set[str]:
    """Return the branches at which a training may have ended, of all and their steps.

    >>> sorted(_ends({"step8": 8, "step9": 9}, 8))
    ['step8']
    >>> named = {"stage1-step9-tokens2B": 9, "stage2-ingredient1-step5-tokens1B": 5}
    >>> sorted(_ends(named | {"stage2-ingredient2-step7-tokens2B": 7}, 8))
    ['stage2-ingredient1-step5-tokens1B', 'stage2-ingredient2-step7-tokens2B']
    """
    stages = {branch: stage_of(branch) for branch in steps_of if not is_plain(branch)}
    final = max((stage.partition("-")[0] for stage in stages.values()), default="")
    largest: dict[str, str] = {}
    for branch in sorted(stages, key=steps_of.__getitem__):
        if stages[branch].startswith(final):
            largest[stages[branch]] = branch
    return {*largest.values(), *({f"step{last}"} & steps_of.keys())}


def _commits(repository: Repository, is_quick: bool) -> dict[str, str]:
    url = f"{repository.api}/refs"
    with explained(repository.name):
        answer = ask_quickly(url) if is_quick else ask(url, dict)[0]
        try:
            commits = {ref["name"]: ref["targetCommit"] for ref in answer["branches"]}
            if not all(re.fullmatch("[0-9a-f]{40}", commit) for commit in commits.values()):
                raise NotAHub
            if not all(isinstance(name, str) for name in commits):
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
        with _moved(branch.name):
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


@contextmanager
def _moved(branch: str) -> Iterator[None]:
    """Say of a commit that is gone that its branch has been moved since it was asked for."""
    try:
        yield
    except UserError as error:
        if isinstance(error.__context__, RevisionNotFoundError):
            raise UserError(
                f"{error}; {branch} was moved meanwhile: run the same command again"
            ) from None
        raise


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


def embedding(branch: Branch, ending: str) -> np.ndarray | None:
    """Return the first values of a branch's embedding in a format; None: no file of it tells.

    What was read before is taken from the cache, by the digest of the file.

    Raises
    ------
    ValueError
        If the file is none.
    UserError
        If the hub cannot be asked for a while.
    """
    name = file_of(branch, ending)
    if name is None:
        return None
    at = Repository("model", branch.repository, branch.commit)
    size, digest = branch.files[name]
    kept = at.cache / "trees" / f"{digest}.embedding.json"
    if values := read_kept(kept).get("values"):
        return np.array(values, np.float64)
    with _moved(branch.name):
        piece = read_piece(reader(at, name), size, ending)
    if piece is not None:
        with suppress(OSError):  # then it is asked for again, next time
            write_json({"values": piece.tolist()}, kept)
    return piece


def reader(at: Repository, name: str) -> Read:
    """Return what reads a file of a repository from one place until before another."""
    return lambda start, stop: read_ranges(at, name, np.array([start]), stop - start)[0].tobytes()
