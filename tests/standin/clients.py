"""Points the hub's clients at the stand-in: in this process, or in one that is started."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

# Where the clients keep the address when they are imported, by module and name.
ENDPOINTS = {
    "huggingface_hub.constants": ("ENDPOINT",),
    "datasets.config": ("HF_ENDPOINT",),
}
CACHES = {
    "huggingface_hub.constants": {"HF_HOME": "", "HF_HUB_CACHE": "hub", "HF_XET_CACHE": "xet"},
    "datasets.config": {"HF_CACHE_HOME": "", "HF_DATASETS_CACHE": "datasets"},
}


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
    unset = ("HF_HUB_OFFLINE", "HF_HUB_CACHE", "HF_DATASETS_CACHE", "HF_DATASETS_OFFLINE")
    return {name: value for name, value in os.environ.items() if name not in unset} | ours


def connect(monkeypatch: pytest.MonkeyPatch, endpoint: str, home: Path) -> None:
    """Point the clients of this process at the stand-in, whether they are imported already or not.

    ``huggingface_hub`` and ``datasets``; ``transformers`` fetches by way of the former.
    """
    for name, value in environment(endpoint, home).items():
        monkeypatch.setenv(name, value)
    import huggingface_hub.constants
    from huggingface_hub import close_session, hf_api

    url = "{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(
        huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{endpoint}/{url}"
    )
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(hf_api.api, "endpoint", endpoint)
    for module, names in ENDPOINTS.items():
        if module in sys.modules or module.startswith("huggingface_hub"):
            for name in names:
                monkeypatch.setattr(importlib.import_module(module), name, endpoint)
    for module, places in CACHES.items():
        if module in sys.modules or module.startswith("huggingface_hub"):
            for name, place in places.items():
                loaded = importlib.import_module(module)
                old = getattr(loaded, name)
                monkeypatch.setattr(loaded, name, type(old)(home / place))
    if "transformers.utils.hub" in sys.modules:  # makes itself a client when it first needs one
        monkeypatch.setattr(sys.modules["transformers.utils.hub"], "_hf_api", None)
    close_session()
