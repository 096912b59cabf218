"""One file of a repository as the hub describes it, and a way to read parts of it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import constants, get_hf_file_metadata, get_session, hf_hub_url
from huggingface_hub.utils import hf_raise_for_status

from memorization.errors import UserError
from memorization.suite.hub.failures import NotAHub, explained
from memorization.suite.hub.listing import listing
from memorization.suite.hub.patience import PATIENCE, Attempts, Patience, persist
from memorization.suite.hub.repository import Repository
from memorization.suite.hub.requests import headers


@dataclass(frozen=True)
class Remote:
    """A file as the hub describes it.

    Attributes
    ----------
    url : where its bytes are; for a large file a signed link, good for some time.
    size : bytes.
    digest : SHA-256 (64 hexadecimal digits) of a large file, git's id (40) of a small one; of a
        copy of the hub possibly something else that stands for the content.
    """

    url: str
    size: int
    digest: str


def describe(repository: Repository, filename: str, patience: Patience = PATIENCE) -> Remote:
    """Return what the hub says of a file, and where its bytes are.

    Raises
    ------
    UserError
        If it does not exist, or if another commit answers.
    """
    with explained(f"{repository}, {filename}"):
        return persist(lambda attempts: _describe(repository, filename, attempts), patience)


def _describe(repository: Repository, filename: str, attempts: Attempts) -> Remote:
    url = hf_hub_url(
        repository.name, filename, repo_type=repository.kind, revision=repository.commit
    )
    # The client passes the time-out on as it is; a number would leave the connection unbounded.
    timeout: Any = attempts.timeout()
    answer = get_hf_file_metadata(url, timeout=timeout, headers=headers())
    if answer.commit_hash != repository.commit:
        raise UserError(
            f"{repository.name}: asked for commit {repository.commit}, but "
            f"{constants.ENDPOINT} answers with {answer.commit_hash}; read from another hub"
        )
    size = answer.size
    if size is None:  # copies of the hub that compress small files do not say
        size = listing(repository, attempts.patience).get(filename, {}).get("size")
    if size is None or not re.fullmatch(r"\w[\w.-]*", answer.etag or ""):
        raise NotAHub
    return Remote(answer.location, size, answer.etag or "")


class Source:
    """A file to read parts of; renews the signed link to its bytes when that expires.

    Attributes
    ----------
    remote : the file as first described.
    """

    def __init__(self, repository: Repository, filename: str, patience: Patience) -> None:
        """Ask the hub what it knows of the file."""
        self.repository, self.filename = repository, filename
        self.remote = describe(repository, filename, patience)
        self._url = self.remote.url
        self._lock = threading.Lock()

    def __str__(self) -> str:
        """``owner/name at 0123456, file``."""
        return f"{self.repository}, {self.filename}"

    @contextmanager
    def part(self, start: int, stop: int, attempts: Attempts) -> Iterator[httpx2.Response]:
        """Yield the answer that carries the bytes from `start` until before `stop`.

        Its status is 206, or 200 when it carries the whole file instead.

        Raises
        ------
        httpx2.TransportError, HfHubHTTPError, NotAHub
            If the hub fails, or sends another part than the one that was asked for.
        """
        url = self._url
        is_signed = _origin(url) != _origin(constants.ENDPOINT)
        # The token is for the hub alone, not for the host that the signed link leads to.
        asked = {"Accept-Encoding": "identity"} | ({} if is_signed else headers())
        if (start, stop) != (0, self.remote.size):
            asked["Range"] = f"bytes={start}-{stop - 1}"
        with get_session().stream("GET", url, headers=asked, timeout=attempts.timeout()) as answer:
            if is_signed and answer.status_code == 403:
                self._renew(url, attempts)
                raise httpx2.RemoteProtocolError("the signed link to its bytes has expired")
            hf_raise_for_status(answer)
            said = answer.headers.get("Content-Range", "")
            expected = f"bytes {start}-{stop - 1}/{self.remote.size}"
            if answer.status_code == 206 and said != expected:
                raise NotAHub
            yield answer

    def _renew(self, expired: str, attempts: Attempts) -> None:
        with self._lock:
            if self._url == expired:  # else another thread has done it
                self._url = _describe(self.repository, self.filename, attempts).url


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
