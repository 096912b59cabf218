"""Read the suite in a folder, whoever trained it: ``read_suite("results/suite")``."""

from __future__ import annotations

import json
from pathlib import Path

from memorization.errors import UserError
from memorization.suite.inserted.suite import InsertedSuite
from memorization.suite.micro.suite import MicroSuite
from memorization.suite.pythia.suite import PythiaSuite
from memorization.suite.suite import Suite

KINDS: dict[str, type[Suite]] = {
    "micro": MicroSuite,
    "pythia": PythiaSuite,
    "inserted": InsertedSuite,
}


def read_suite(folder: str | Path) -> Suite:
    """Return the suite in a folder.

    Raises
    ------
    UserError
        If there is none, or it is of no kind that is known here.
    """
    folder = Path(folder)
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{folder}: no suite here; run `dvc repro suite` to make it") from None
    except ValueError as error:  # no JSON, or no text
        raise UserError(
            f"{folder}/manifest.json: damaged ({error}); run `dvc repro suite` to make it again"
        ) from None
    kind = manifest.get("suite") if isinstance(manifest, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise UserError(
            f"{folder}/manifest.json: describes a suite '{kind}'; known are "
            f"{', '.join(KINDS)}; run `dvc repro suite` to make it again"
        )
    return KINDS[kind](folder, manifest)


def labelled(suite: Suite) -> list[str]:
    """Return the models of which it is known what they have memorized of the whole population."""
    if isinstance(suite, InsertedSuite):
        return []
    return suite.labelled if isinstance(suite, PythiaSuite) else suite.models
