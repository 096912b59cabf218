"""Points the hub's clients at the stand-in: in this process, or in one that is started."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def environment(endpoint: str, home: Path) -> dict[str, str]:
    """Return the environment of a process whose clients ask the stand-in and cache in a folder."""
    ours = {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_TOKEN": "",
        "NO_PROXY": "127.0.0.1",
    }
    unset = ("HF_HUB_OFFLINE", "HF_HUB_CACHE")
    return {name: value for name, value in os.environ.items() if name not in unset} | ours


def connect(monkeypatch: pytest.MonkeyPatch, endpoint: str, home: Path) -> None:
    """Point the hub's client in this process, by which ``transformers`` fetches, at the stand-in.

    Whether it is imported already or not: it keeps the address and the folders.
    """
    for name, value in environment(endpoint, home).items():
        monkeypatch.setenv(name, value)
    from huggingface_hub import close_session, constants, hf_api

    values = {
        "ENDPOINT": endpoint,
        "HUGGINGFACE_CO_URL_TEMPLATE": f"{endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}",
        "HF_HUB_DISABLE_TELEMETRY": True,
        "HF_HOME": str(home),
        "HF_HUB_CACHE": str(home / "hub"),
        "HF_XET_CACHE": str(home / "xet"),
    }
    for name, value in values.items():
        monkeypatch.setattr(constants, name, value)
    monkeypatch.setattr(hf_api.api, "endpoint", endpoint)
    if "transformers.utils.hub" in sys.modules:  # makes itself a client when it first needs one
        monkeypatch.setattr(sys.modules["transformers.utils.hub"], "_hf_api", None)
    close_session()
