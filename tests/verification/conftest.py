from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from verification.checkpoints import facts

PARAMS = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder whose params.yaml names the made-up suite."""
    (tmp_path / "facts.json").write_text(json.dumps(facts()))
    params = yaml.safe_load(PARAMS.read_text("utf-8"))
    params["pythia"] |= {"facts": "facts.json", "revisions": {}, "models": "v0"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    monkeypatch.chdir(tmp_path)
    return tmp_path
