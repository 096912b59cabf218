"""How long to wait for the hub, and how often to try again."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import httpx2
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import parse_ratelimit_headers

T = TypeVar("T")

# Answers that another try may change: too slow, too many requests, a fault of the server.
PASSING = (408, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Patience:
    """Bounds on waiting, in seconds.

    Attributes
    ----------
    connect : for a connection to be made.
    read : without a byte arriving on it.
    question : for the first question to the hub, all in all.
    total : of trying again without any progress; then it is an error.
    rate_limit : the longest wait that the hub may ask for (it counts requests in windows of five
        minutes) and that is then waited, with a notice.
    """

    connect: float = 5
    read: float = 10
    question: float = 10
    total: float = 20
    rate_limit: float = 330


PATIENCE = Patience()


class Attempts:
    """The time left for something that is tried again while failures may be passing."""

    def __init__(self, patience: Patience, tries: float = math.inf) -> None:
        """Start the clock."""
        self.patience = patience
        self.tries = tries
        self.progress()

    def progress(self) -> None:
        """Start the clock anew: something came of it."""
        self._deadline = time.monotonic() + self.patience.total
        self._pause = 0.05 * min(10, self.patience.total)

    def timeout(self) -> httpx2.Timeout:
        """Return the time-outs of the next request, within the time that is left."""
        left = max(self._deadline - time.monotonic(), 0.05)
        read = min(self.patience.read, left)
        return httpx2.Timeout(read, connect=min(self.patience.connect, left))

    def wait_after(self, error: Exception) -> None:
        """Wait before the next try, or raise the error when there is no point in one."""
        asked = _asked_to_wait(error)
        self.tries -= 1
        if self.tries < 1:
            raise error
        if asked is not None:
            if asked > self.patience.rate_limit:
                raise error
            if asked > self.patience.total:
                print(f"the hub asks to wait {asked:.0f} s (rate limit)", file=sys.stderr)
            time.sleep(asked)
            self._deadline += asked
            # Once; a hub that never has enough would keep us for ever.
            self.patience = Patience(**{**vars(self.patience), "rate_limit": -1})
        elif time.monotonic() + self._pause >= self._deadline:
            raise error
        else:
            time.sleep(self._pause)
            self._pause *= 2


def persist(action: Callable[[Attempts], T], patience: Patience, tries: float = math.inf) -> T:
    """Return what an action returns, trying again for a while after failures that may be passing.

    Parameters
    ----------
    action : takes its time-outs from the attempts, and tells them of progress.
    tries : at most so many, even if there is time left.

    Raises
    ------
    httpx2.TransportError, HfHubHTTPError
        The last failure, or the first that is not passing.
    """
    attempts = Attempts(patience, tries)
    while True:
        try:
            return action(attempts)
        except (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError) as error:
            attempts.wait_after(error)
        except HfHubHTTPError as error:
            if error.response.status_code not in PASSING:
                raise
            attempts.wait_after(error)


def within(seconds: float, action: Callable[[], T]) -> T:
    """Return what an action returns, or give up on it after some seconds, whatever holds it.

    The look-up of a host's name, for one, takes no time-out.

    Raises
    ------
    httpx2.ReadTimeout
        If it is not done by then.
    """
    outcome: list[T | BaseException] = []

    def act() -> None:
        try:
            outcome.append(action())
        except BaseException as error:
            outcome.append(error)

    # A daemon, so that it cannot keep the process from ending.
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise httpx2.ReadTimeout(f"no answer after {seconds:.0f} s")
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def _asked_to_wait(error: Exception) -> float | None:
    """Return the seconds that the hub asks to wait before the next request, if it does."""
    if not isinstance(error, HfHubHTTPError):
        return None
    headers = error.response.headers
    if error.response.status_code == 429:
        limit = parse_ratelimit_headers(headers)
        if limit is not None and limit.remaining == 0:
            return limit.reset_in_seconds + 1
    after = headers.get("Retry-After", "").strip()
    return float(after) if after.isdigit() else None
