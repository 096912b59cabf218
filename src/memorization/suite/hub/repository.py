"""A repository on the hub, at one commit."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from huggingface_hub import constants
from huggingface_hub.errors import RevisionNotFoundError
from huggingface_hub.file_download import repo_folder_name

from memorization.errors import UserError
from memorization.suite.hub.failures import NotAHub, Unreachable, explained
from memorization.suite.hub.names import is_inside, some
from memorization.suite.hub.patience import PATIENCE, Patience, persist, within
from memorization.suite.hub.requests import get, parsed

Kind = Literal["dataset", "model"]


class CommitNotFound(UserError):
    """The hub does not have the commit that must be read."""


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

    @property
    def cache(self) -> Path:
        """Where the hub's client caches the repository."""
        return Path(
            constants.HF_HUB_CACHE, repo_folder_name(repo_id=self.name, repo_type=self.kind)
        )

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
            If the name leads out of the folder.
        """
        if not is_inside(filename):
            raise UserError(
                f"{self}: '{filename}' is no name of a file inside of a folder, so it is neither "
                "read nor written; read from another hub (HF_ENDPOINT)"
            )
        return (folder or self.snapshot) / filename

    @property
    def api(self) -> str:
        """The address at which the hub is asked about the repository."""
        return f"{constants.ENDPOINT}/api/{self.kind}s/{self.name}"

    def __str__(self) -> str:
        """``owner/name at 0123456``."""
        return f"{self.name} at {self.commit[:7]}"


def resolve(
    kind: Kind,
    name: str,
    revision: str | None = None,
    pinned: str | None = None,
    *,
    patience: Patience = PATIENCE,
) -> Repository:
    """Return a repository at the commit of a revision: one quick question to the hub.

    Parameters
    ----------
    kind, name : ``dataset`` or ``model``, and ``owner/name``.
    revision : branch or tag, such as ``step3000``; default ``main``.
    pinned : the commit that must be read; the hub is asked for exactly this one and its answer is
        compared. When the hub cannot be reached but this commit is cached, that is said and done.

    Raises
    ------
    CommitNotFound
        If the pinned commit does not exist, or another one answers.
    UserError
        Within ``patience.question`` seconds: the hub is unreachable or silent; the repository or
        the revision does not exist.
    """
    wanted = pinned or revision or "main"
    repository = Repository(kind, name, pinned or "")
    url = f"{repository.api}/revision/{quote(wanted, safe='')}"
    # Once more after a failure, not more often: a hub that is away is to be known in seconds.
    hasty = Patience(patience.connect, patience.read, total=patience.question, rate_limit=0)
    try:
        with explained(name):
            answer = within(
                patience.question,
                lambda: persist(lambda attempts: get(url, attempts), hasty, tries=2),
            )
            commit = parsed(answer, dict).get("sha")
            if not isinstance(commit, str) or not re.fullmatch("[0-9a-f]{40}", commit):
                raise NotAHub
    except Unreachable as error:
        return _cached(repository, error)
    except UserError as error:
        if isinstance(error.__context__, RevisionNotFoundError):
            raise _missing(repository, wanted, patience) from None
        raise
    if pinned is not None and commit != pinned:
        raise CommitNotFound(
            f"{name}: pinned to commit {pinned}, but {constants.ENDPOINT} answers with {commit}; "
            "correct pythia.revisions in params.yaml, or read from a hub that has this commit"
        )
    return Repository(kind, name, commit)


def _cached(wanted: Repository, error: Unreachable) -> Repository:
    """Return what is pinned when the cache has something of it; else raise the error."""
    if wanted.commit and wanted.snapshot.is_dir():
        print(
            f"{wanted.name}: read from the cache, at the pinned commit {wanted.commit}",
            file=sys.stderr,
        )
        return wanted
    known = sorted(path.name for path in (wanted.cache / "snapshots").glob("*"))
    if known and not wanted.commit:
        raise Unreachable(
            f"{error}; or pin a commit that is cached, in params.yaml: pythia.revisions: "
            f"{{{wanted.name}: {known[0]}}}"
        ) from None
    raise error


def _missing(repository: Repository, wanted: str, patience: Patience) -> UserError:
    """Return the error of a revision that does not exist, with the nearest that do."""
    name = repository.name
    if repository.commit:
        return CommitNotFound(
            f"{name}: has no commit {wanted}, to which pythia.revisions pins it; correct it, or "
            "remove the pin to read the newest"
        )
    with explained(name):
        answer = persist(lambda attempts: get(f"{repository.api}/refs", attempts), patience)
        refs = parsed(answer, dict)
    names = [ref["name"] for ref in refs.get("branches", []) + refs.get("tags", [])]
    return UserError(f"{name}: no revision '{wanted}'; there are {some(names, wanted, most=6)}")
