"""Ways in which an answer of the stand-in goes wrong."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

Kind = Literal[
    "silent",  # accept the connection and never answer
    "status",  # answer with an HTTP status
    "cut",  # close the connection after so many bytes of each answer
    "truncate",  # the file ends after so many bytes, though its size is announced in full
    "short",  # as truncate, and what comes claims to be all of it
    "corrupt",  # the right number of bytes, but other ones
    "whole",  # ignore the asked range and send the whole file
    "commit",  # answer with another commit than the one that was asked for
    "expired",  # the signed link has expired (only the second host knows)
    "slow",  # so many bytes a second
    "endless",  # bytes without an end, without saying how many
    "next",  # a listing that names another next page, by `headers`
]


@dataclass
class Fault:
    """An answer that goes wrong.

    Attributes
    ----------
    kind : how it fails.
    match : glob on the path of the request.
    method : only requests with this method; None: any.
    times : how many requests fail; all by default.
    status, headers : of the answer (status, next).
    after : bytes (cut, truncate, short).
    rate : bytes a second (slow).
    """

    kind: Kind
    match: str = "*"
    method: str | None = None
    times: float = math.inf
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    after: int = 0
    rate: float = math.inf


class Faults:
    """The faults that are switched on; each applies to so many requests and is then spent."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = list(faults)
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, method: str, path: str, *kinds: Kind) -> Fault | None:
        """Return the first fault of some kinds that hits a request, and count it as used."""
        with self._lock:
            for fault in self._faults:
                if (
                    fault.kind in kinds
                    and fault.times > 0
                    and fault.method in (None, method)
                    and fnmatchcase(path, fault.match)
                ):
                    fault.times -= 1
                    return fault
        return None
