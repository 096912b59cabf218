"""The published suite in miniature, served by the stand-in for the hub."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml
from standin import Hub, connect
from suite.pythia.miniature import Published, make_published

from memorization.params import Params


@pytest.fixture(scope="session")
def _published() -> Published:
    return make_published()


@pytest.fixture
def published(_published: Published) -> Published:
    """What was published; a test may change the repositories."""
    repositories = {
        name: {revision: dict(files) for revision, files in revisions.items()}
        for name, revisions in _published.repositories.items()
    }
    return replace(_published, repositories=repositories)


@pytest.fixture
def params(published: Published, tmp_path: Path) -> Callable[..., Params]:
    """Parameters for the miniature, with changes: of the whole or, by ``pythia``, of its own."""
    raw = yaml.safe_load(Path(__file__).parents[2].joinpath("pipeline/params.yaml").read_text())
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps(asdict(published.facts)))

    def changed(pythia: dict | None = None, **changes: object) -> Params:
        raw_pythia = raw["pythia"] | {"facts": str(facts), "corpus_tokens": 4000} | (pythia or {})
        return Params.model_validate(raw | {"target": "410m", "pythia": raw_pythia} | changes)

    return changed


@pytest.fixture
def serve(
    published: Published, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[], Hub]]:
    """Start a hub that serves what was published, or what a test has made of it."""
    running: list[Hub] = []

    def start(home: str = "home") -> Hub:
        hub = Hub(published.repositories).start()
        running.append(hub)
        connect(monkeypatch, hub.endpoint, tmp_path / home)
        return hub

    monkeypatch.chdir(tmp_path)
    yield start
    for hub in running:
        hub.stop()


@pytest.fixture
def hub(serve: Callable[[], Hub]) -> Hub:
    """A hub that serves what was published."""
    return serve()
