"""A repository on the hub at one commit, and the files that it holds there."""

from __future__ import annotations

import difflib
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PureWindowsPath
from typing import Literal, NamedTuple
from urllib.parse import quote, urlsplit

from huggingface_hub import constants
from huggingface_hub.errors import RevisionNotFoundError
from huggingface_hub.file_download import repo_folder_name

from memorization.errors import UserError
from memorization.files import read_json, read_kept, write_json
from memorization.suite.hub.asking import ask, ask_quickly
from memorization.suite.hub.failures import NotAHub, Unreachable, explained

Kind = Literal["dataset", "model"]
SHARD = re.compile(r"-(\d{5})-of-(\d{5})")


class CommitNotFound(UserError):
    """The hub does not have the commit that must be read."""


class RevisionNotFound(UserError):
    """The hub has no such branch or tag."""


class File(NamedTuple):
    """A file's size in bytes, and its digest: SHA-256 if it is large, else git's id (SHA-1)."""

    size: int
    digest: str


@dataclass(frozen=True)
class Repository:
    """A repository at one commit.

    Attributes
    ----------
    kind : a data set or a model.
    name : ``owner/name``.
    commit : 40 hexadecimal digits.
    """

    kind: Kind
    name: str
    commit: str

    def __str__(self) -> str:
        """``owner/name at 0123456``."""
        return f"{self.name} at {self.commit[:7]}"

    @property
    def api(self) -> str:
        """The address at which the hub is asked about the repository."""
        return f"{constants.ENDPOINT}/api/{self.kind}s/{self.name}"

    @property
    def cache(self) -> Path:
        """Where the hub's client caches the repository."""
        folder = repo_folder_name(repo_id=self.name, repo_type=self.kind)
        return Path(constants.HF_HUB_CACHE, folder)

    @property
    def snapshot(self) -> Path:
        """Where the hub's client keeps the files of this commit."""
        return self.cache / "snapshots" / self.commit

    def place(self, filename: str, folder: Path | None = None) -> Path:
        """Return where a file of this commit belongs: in a folder, by default in the cache.

        Names come from the hub, as do the names in the files that it serves, so they are not
        trusted: whoever writes them must not choose what is overwritten here.

        Raises
        ------
        UserError
            If the name leads out of the folder, on this system or another.
        """
        leads_out = not {"", ".", ".."}.isdisjoint(filename.split("/"))
        if leads_out or not {"\\", "\0"}.isdisjoint(filename) or PureWindowsPath(filename).drive:
            raise UserError(
                f"{self}: '{filename}' is no name of a file inside of a folder, so it is neither "
                "read nor written; read from another hub (HF_ENDPOINT)"
            )
        return (folder or self.snapshot) / filename

    @cached_property
    def files(self) -> dict[str, File]:
        """All files by their names.

        A commit never changes, so they are kept in the cache; read again, they need no network.

        Raises
        ------
        UserError
            If the hub cannot be asked, or one has a name that leads elsewhere.
        """
        with suppress(OSError, ValueError, TypeError, AttributeError):  # then the hub is asked
            if known := read_json(self.kept_files):
                return {name: File(*file) for name, file in known.items()}
        with explained(str(self)):
            files = self._ask_for_files()
        # A cache that cannot be written costs a question more, next time.
        with suppress(OSError):
            write_json(files, self.kept_files)
        return files

    @property
    def kept_files(self) -> Path:
        """Where `files` are kept."""
        return self.cache / "trees" / f"{self.commit}.files.json"

    def _ask_for_files(self) -> dict[str, File]:
        files: dict[str, File] = {}
        url, listed = f"{self.api}/tree/{self.commit}?recursive=true", set[str]()
        while url:
            # The token goes along, so pages must be the hub's own.
            if urlsplit(url)[:2] != urlsplit(constants.ENDPOINT)[:2]:
                raise NotAHub
            page, url = ask(url, list)
            try:
                # Each page has entries of its own: none leads back, and they come to an end.
                if not listed.isdisjoint(names := [entry["path"] for entry in page]) or not names:
                    raise NotAHub
                listed.update(names)
                for entry in page:
                    if entry["type"] == "file":
                        self.place(entry["path"])
                        file = File(entry["size"], (entry.get("lfs") or entry)["oid"])
                        if not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", file.digest):
                            raise NotAHub
                        if not isinstance(file.size, int) or not 0 <= file.size < 1 << 63:
                            raise NotAHub
                        files[entry["path"]] = file
            except (KeyError, TypeError, AttributeError):
                raise NotAHub from None
        if not files:
            raise NotAHub
        return files

    def file(self, name: str) -> File:
        """Return the size and digest of a file; a `UserError` if there is none of this name."""
        if name not in self.files:
            raise UserError(f"{self}, {name}: no such file at {constants.ENDPOINT}")
        return self.files[name]

    def matching(self, pattern: str) -> list[str]:
        """Return the names of the files that match a glob, sorted; ``*`` matches ``/`` as well.

        Raises
        ------
        UserError
            If none does (it names what there is), if the shards ``-0000i-of-0000n`` of a split are
            not 0 to n - 1, each once, or if the hub cannot be asked.
        """
        names = sorted(self.files)
        found = [name for name in names if fnmatchcase(name, pattern)]
        if not found:
            folder, _, wanted = pattern.rpartition("/")
            inside = [name for name in names if name.rpartition("/")[0] == folder] or names
            splits = sorted({SHARD.split(name.rpartition("/")[2])[0] for name in inside})
            raise UserError(
                f"{self}: no file matches '{pattern}'; there are "
                f"{nearest(splits, SHARD.split(wanted)[0], 40)}"
            )
        shards: dict[str, list[tuple[int, int]]] = {}
        for name in found:
            if match := SHARD.search(name):
                shards.setdefault(name[: match.start()], []).append((int(match[1]), int(match[2])))
        for split, numbered in shards.items():
            numbers, n = sorted(number for number, _ in numbered), numbered[0][1]
            # Megatron's are numbered from 0 to n.
            whole = [list(range(n)), list(range(n + 1))][: 2 if pattern.endswith(".bin") else 1]
            if numbers not in whole or {of for _, of in numbered} != {n}:
                raise UserError(
                    f"{self}: shards {numbers} of '{split}' are there, but it must be 0 to {n - 1} "
                    f"of {n}, each once; pin another commit, or read from another hub (HF_ENDPOINT)"
                )
        return found


def resolve(
    kind: Kind,
    name: str,
    revision: str | None = None,
    pinned: str | None = None,
    is_quick: bool = True,
) -> Repository:
    """Return a repository at the commit of a revision: one question to the hub.

    Parameters
    ----------
    revision : branch or tag, such as ``step3000``; default ``main``.
    pinned : the commit that must be read; the hub is asked for exactly this one and its answer is
        compared. When the hub cannot be reached, or is out of order, but this commit is cached,
        that is said and done.
    is_quick : whether to give up in seconds; if not, faults that may pass are waited for, as in the
        middle of long work.

    Raises
    ------
    CommitNotFound
        If the pinned commit does not exist, or another one answers.
    RevisionNotFound
        If there is no such branch or tag.
    UserError
        The hub is unreachable or out of order, or has no such repository.
    """
    wanted = pinned or revision or "main"
    repository = Repository(kind, name, pinned or "")
    url = f"{repository.api}/revision/{quote(wanted, safe='')}"
    try:
        with explained(name):
            commit = (ask_quickly(url) if is_quick else ask(url, dict)[0]).get("sha")
            if not isinstance(commit, str) or not re.fullmatch("[0-9a-f]{40}", commit):
                raise NotAHub
    except Unreachable as error:
        return _cached(repository, revision or "main", error)
    except UserError as error:
        if isinstance(error.__context__, RevisionNotFoundError):
            raise _missing(repository, wanted) from None
        raise
    if pinned is not None and commit != pinned:
        raise CommitNotFound(
            f"{name}: pinned to commit {pinned}, but {constants.ENDPOINT} answers with {commit}; "
            "correct pythia.revisions in params.yaml, or read from a hub that has this commit"
        )
    if pinned is None:
        with suppress(OSError):  # it only makes a later advice possible
            write_json({"commit": commit}, _last_known(repository, wanted))
    return Repository(kind, name, commit)


def _last_known(repository: Repository, revision: str) -> Path:
    """Return the file that says at which commit a revision was last."""
    return repository.cache / "trees" / f"{quote(revision, safe='')}.revision.json"


def _cached(wanted: Repository, revision: str, error: Unreachable) -> Repository:
    """Return what is pinned when the cache has something of it; else raise the error."""
    if wanted.commit and wanted.snapshot.is_dir():
        said = f"{wanted.name}: read from the cache, at the pinned commit {wanted.commit}"
        print(said, file=sys.stderr)
        return wanted
    known = Repository(
        wanted.kind, wanted.name, read_kept(_last_known(wanted, revision)).get("commit", "")
    )
    if known.commit and known.snapshot.is_dir() and not wanted.commit:
        # A model has a pin for each of its checkpoints.
        pin = f"{wanted.name}@{revision}" if wanted.kind == "model" else wanted.name
        raise Unreachable(
            f"{error}; or pin the commit that is cached, in params.yaml: pythia.revisions: "
            f"{{{pin}: {known.commit}}}"
        ) from None
    raise error


def _missing(repository: Repository, wanted: str) -> UserError:
    """Return the error of a revision that does not exist, with the nearest that do."""
    name = repository.name
    if repository.commit:
        return CommitNotFound(
            f"{name}: has no commit {wanted}, to which pythia.revisions pins it; correct it, or "
            "remove the pin to read the newest"
        )
    with explained(name):
        refs = ask(f"{repository.api}/refs", dict)[0]
    names = [ref["name"] for ref in refs.get("branches", []) + refs.get("tags", [])]
    return RevisionNotFound(
        f"{name}: no revision '{wanted}'; there are {nearest(names, wanted, 6)}"
    )


def nearest(names: list[str], wanted: str, most: int) -> str:
    """Return some of the names that exist, those spelt most like a wanted one first.

    >>> nearest(["duped.12b", "duped.1b", "deduped.12b"], "dupd.12b", most=2)
    'duped.12b, duped.1b and 1 more'
    """
    near = difflib.get_close_matches(wanted, names, most)
    shown = list(dict.fromkeys(near + names))[:most]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")
