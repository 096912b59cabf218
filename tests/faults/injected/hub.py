"""Every fault of the stand-in for the hub, wherever it can strike, and data that do not fit."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from faults.injected.trial import Trial, contents, run
from faults.test_hub_published import UNFIT
from pipeline.conftest import MINIATURE
from standin import Fault, Hub, connect
from standin.faults import Kind
from suite.pythia.miniature import Published, make_published

from memorization.errors import run as told
from memorization.params import Params, read_yaml
from memorization.suite.hub import asking
from memorization.suite.pythia.make import make_suite
from memorization.suite.read import read_suite

SUITE = Path("results/suite")
# Requests, with a * where the repository is named.
QUESTION, LISTING = "/api/*/revision/*", "/api/*/tree/*"
SMALL, LARGE = "*/resolve/*", "*/raw/*"
# Where each fault of the stand-in strikes.
PLACES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("silent", "status", "slow", "endless"), (QUESTION, LISTING, SMALL, LARGE)),
    **dict.fromkeys(("cut", "truncate", "short", "corrupt", "whole"), (SMALL, LARGE)),
    "commit": (QUESTION, SMALL),
    "expired": (LARGE,),
    "next": (LISTING,),
}
DETAILS = {"rate": 40.0, "after": 1000, "headers": {"Retry-After": "0"}}
PORTAL = {"status": 200, "headers": {"Content-Type": "text/html"}}
STATUSES = [{"status": code} for code in (401, 403, 404, 429, 500, 503)] + [PORTAL]
REPOSITORIES = (
    "pythia-memorized-evals", "random-sampled", "preshuffled", "num-duplicates",
    "num-frequencies", "pythia-70m",
)  # fmt: skip
# Shorter waits than a user's, so that the campaign ends.
BOUNDS = {"CONNECT": 5.0, "READ": 2.0, "QUESTION": 5.0, "TOTAL": 2.0, "RATE_LIMIT": 3.0}
# Of the faults that pass: so many requests meet them.
PASSING = 2


@dataclass
class World:
    """What the stand-in serves, and how it fails; a trial changes those of its own process."""

    published: Published
    pythia: dict[str, object] = field(
        default_factory=lambda: {"published_counts": True, "context": True, "corpus": "preshuffled"}
    )
    faults: list[Fault] = field(default_factory=list)

    def fail(self, *faults: Fault) -> None:
        """Switch faults on, and be less patient."""
        self.faults += faults
        for name, seconds in BOUNDS.items():
            setattr(asking, name, seconds)

    def change(self, change: object, pythia: dict[str, object]) -> None:
        """Publish other data."""
        self.published = deepcopy(self.published)
        self.pythia = pythia
        change(self.published)

    def fetch(self) -> None:
        """Make the suite of a Pythia model, and fetch training rows, as the stages do."""
        home = Path(".home").absolute()
        home.mkdir(exist_ok=True)
        (home / "facts.json").write_text(json.dumps(asdict(self.published.facts)))
        raw = read_yaml(MINIATURE)
        raw["pythia"] |= {"facts": ".home/facts.json", "corpus_tokens": 4000, **self.pythia}
        params = Params.model_validate(raw | {"target": "410m"})

        def main() -> None:
            make_suite(params, SUITE)
            if params.pythia.context:
                rows = read_suite(SUITE).context(self.published.sampled)
                np.save("rows.npy", rows)

        with Hub(self.published.repositories, self.faults) as hub:
            connect(pytest.MonkeyPatch(), hub.endpoint, home)
            told(main)


def _faults(rng: np.random.Generator) -> list[Fault]:
    """Return each fault at each of its places, for a while and for ever, in some repository."""
    found = []
    for kind in get_args(Kind):
        for place in PLACES[kind]:
            for details in STATUSES if kind == "status" else [{}]:
                for times in (PASSING, 10**6):
                    # Ranges are asked of one repository alone.
                    known = ("preshuffled",) if kind == "whole" else REPOSITORIES
                    before, after = place.split("*", 1)
                    match = f"{before}*{rng.choice(known)}*{after}"
                    found.append(Fault(kind, match, times=times, **(DETAILS | details)))
    return found


def of_the_hub(place: Path, rng: np.random.Generator) -> list[Trial]:
    """Return all faults of the stand-in, and data that contradict each other."""
    world = World(make_published())
    start = place / "hub"
    start.mkdir()
    trials = []
    whole = place / "hub-whole"
    whole.mkdir()
    ended = run(world.fetch, whole)
    assert ended.code == 0, ended.said
    expected = contents(whole)
    for fault in _faults(rng):
        how = "at first" if fault.times == PASSING else "always"
        name = f"{fault.kind} {fault.status if fault.kind == 'status' else ''} {fault.match} {how}"
        trials.append(
            Trial(
                "a hub or network that fails",
                name,
                start,
                world.fetch,
                expected,
                disturb=lambda fault=fault: world.fail(replace(fault)),
            )
        )
    for change, pythia, _ in UNFIT:
        trials.append(
            Trial(
                "published data that do not fit together",
                str(getattr(change, "__qualname__", change)),
                start,
                world.fetch,
                expected,
                disturb=lambda change=change, pythia=pythia: world.change(change, pythia),
            )
        )
    return trials
