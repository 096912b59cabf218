"""Questions to the hub, by its client's session: how long to wait, and how often to try again."""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

import httpx2
from huggingface_hub import constants, get_session, get_token
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import hf_raise_for_status, parse_ratelimit_headers

from memorization.errors import UserError
from memorization.suite.hub.failures import NotAHub, TooSlow

T = TypeVar("T")

# Bounds on waiting, in seconds: for a connection; for a byte to arrive on it; for the first
# question to the hub, all in all; of trying again without any progress.
CONNECT, READ, QUESTION, TOTAL = 5.0, 10.0, 10.0, 20.0
# The longest wait that the hub may ask for and that is then waited, with a notice: it counts
# requests in windows of five minutes.
RATE_LIMIT = 330.0
# Bytes a second below which what comes is as good as nothing.
SLOWEST = 1000.0
# The longest answer to a question, in bytes; a thousand files make about 300,000.
LONGEST = 1 << 26
# Answers that another try may change: too slow, too many requests, a fault of the server.
PASSING = (408, 429, 500, 502, 503, 504)


class Attempts:
    """The time left for something that is tried again while failures may be passing."""

    def __init__(self, is_quick: bool = False) -> None:
        """Start the clock; of what must be quick there are two attempts, and no long waits."""
        self._left = 2 if is_quick else math.inf
        self._total, self._longest = (QUESTION, 0.0) if is_quick else (TOTAL, RATE_LIMIT)
        self._start()

    def _start(self) -> None:
        self._deadline, self._came = time.monotonic() + self._total, 0
        self._pause = 0.05 * min(10, self._total)

    def progress(self, n: int) -> None:
        """Start the clock anew once enough has come: ``n`` more bytes that were not here before."""
        self._came += n
        if self._came >= SLOWEST * self._total:
            self._start()

    def timeout(self) -> httpx2.Timeout:
        """Return the time-outs of the next request, within the time that is left."""
        left = max(self._deadline - time.monotonic(), 0.05)
        return httpx2.Timeout(min(READ, left), connect=min(CONNECT, left))

    def wait_after(self, error: Exception) -> None:
        """Wait before the next attempt, or raise the error when there is no point in one."""
        asked = _asked_to_wait(error)
        if asked is not None and asked <= self._pause:
            asked = None
        pause = self._pause if asked is None else asked
        is_late = time.monotonic() + pause >= self._deadline
        self._left -= 1
        if self._left < 1 or (is_late if asked is None else asked > self._longest):
            raise error
        if pause > self._total:
            print(f"the hub asks to wait {pause:.0f} s (rate limit)", file=sys.stderr)
        time.sleep(pause)
        if asked is None:
            self._pause *= 2
        else:
            self._deadline += asked
            self._longest = -1  # once; a hub that never has enough would keep us for ever


def persist(action: Callable[[Attempts], T], is_quick: bool = False) -> T:
    """Return what an action returns, trying again for a while after failures that may be passing.

    The action takes its time-outs from the attempts, and tells them of progress. What is raised is
    the last failure (``httpx2.TransportError``, ``HfHubHTTPError``), or the first that lasts.
    """
    attempts = Attempts(is_quick)
    while True:
        try:
            return action(attempts)
        except (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError) as error:
            attempts.wait_after(error)
        except HfHubHTTPError as error:
            if error.response.status_code not in PASSING:
                raise
            attempts.wait_after(error)


def ask(url: str, kind: type, is_quick: bool = False) -> tuple[Any, str]:
    """Return the JSON that answers a question, and the address of its next page, if any.

    Raises `NotAHub` if it is not of the expected kind, an object or a list; else as `persist`.
    """

    def get(attempts: Attempts) -> tuple[bytes, str]:
        timeout = attempts.timeout()
        with get_session().stream("GET", url, headers=headers(), timeout=timeout) as answer:
            hf_raise_for_status(answer)
            content = b"".join(body(answer, LONGEST))
            return content, answer.links.get("next", {}).get("url", "")

    content, following = persist(get, is_quick)
    try:
        answer = json.loads(content)
    except ValueError:
        raise NotAHub from None
    if not isinstance(answer, kind):
        raise NotAHub
    return answer, following


def body(response: httpx2.Response, most: int) -> Iterator[bytes]:
    """Yield an answer's body as it comes.

    Raises `TooSlow` if it only drips, and `NotAHub` if it is longer than it may be: an endless one
    must fill neither the disk nor the memory.
    """
    start, came = time.monotonic(), 0
    # As it comes: chunks of a fixed size would lose what has come of one when it breaks.
    for chunk in response.iter_bytes():
        most -= len(chunk)
        if most < 0:
            raise NotAHub
        # One that came late may be the last: what is here is not refused.
        if came and time.monotonic() - start > TOTAL:
            raise TooSlow(f"sends fewer than {SLOWEST:,.0f} bytes a second")
        yield chunk
        came += len(chunk)
        if came >= SLOWEST * TOTAL:
            start, came = time.monotonic(), 0


def ask_quickly(url: str) -> dict[str, Any]:
    """Return the object that answers a question, or give up in seconds, whatever holds it.

    The look-up of a host's name, for one, takes no time-out.
    """
    outcome: Future[dict[str, Any]] = Future()

    def act() -> None:
        try:
            outcome.set_result(ask(url, dict, is_quick=True)[0])
        except BaseException as error:
            outcome.set_exception(error)

    # A daemon, so that it cannot keep the process from ending.
    threading.Thread(target=act, daemon=True).start()
    try:
        return outcome.result(QUESTION)
    except TimeoutError:
        raise httpx2.ReadTimeout(f"no answer after {QUESTION:.0f} s") from None


def headers() -> dict[str, str]:
    """Return what every request to the hub says: the program, and the user's token if any."""
    said = {"User-Agent": "memorization"}
    try:
        token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
    except (OSError, ValueError) as error:
        raise UserError(
            f"{constants.HF_TOKEN_PATH}: the token cannot be read ({error}); HF_HOME must be a "
            "folder, or name the token in HF_TOKEN"
        ) from None
    if token and not (token.isascii() and token.isprintable()):
        raise UserError(
            "HF_TOKEN: holds characters that no token has; copy it anew from the settings of your "
            "account, or unset it to read what is public"
        )
    return said | ({"Authorization": f"Bearer {token}"} if token else {})


def _asked_to_wait(error: Exception) -> float | None:
    """Return the seconds that the hub asks to wait before the next request, if it does."""
    if not isinstance(error, HfHubHTTPError):
        return None
    said = error.response.headers
    limit = parse_ratelimit_headers(said) if error.response.status_code == 429 else None
    if limit is not None and limit.remaining == 0:
        return limit.reset_in_seconds + 1
    after = said.get("Retry-After", "").strip()
    return float(after) if after.isdigit() else None
