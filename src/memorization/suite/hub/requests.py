"""Single questions to the hub, by its client's session."""

from __future__ import annotations

from typing import Any

import httpx2
from huggingface_hub import constants, get_session, get_token
from huggingface_hub.utils import hf_raise_for_status

from memorization.suite.hub.failures import NotAHub
from memorization.suite.hub.patience import Attempts


def headers() -> dict[str, str]:
    """Return what every request says of itself: the program, and the user's token if any."""
    said = {"User-Agent": "memorization"}
    token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
    return said | ({"Authorization": f"Bearer {token}"} if token else {})


def get(url: str, attempts: Attempts) -> httpx2.Response:
    """Return the hub's answer to a question.

    Raises
    ------
    httpx2.TransportError, HfHubHTTPError
        If there is none, or it is an error.
    """
    response = get_session().get(url, headers=headers(), timeout=attempts.timeout())
    hf_raise_for_status(response)
    attempts.progress()
    return response


def parsed(response: httpx2.Response, kind: type[Any]) -> Any:
    """Return an answer's JSON, an object or a list as expected.

    Raises
    ------
    NotAHub
        If it is something else.
    """
    try:
        value = response.json()
    except ValueError:
        raise NotAHub from None
    if not isinstance(value, kind):
        raise NotAHub
    return value
