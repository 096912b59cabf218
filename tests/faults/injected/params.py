"""Parameters that cannot be: every leaf of params.yaml, changed in ways that are surely wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from faults.injected.kills import Miniature, stage
from faults.injected.trial import Trial

from memorization.params import read_yaml
from memorization.strata import STRATA

HUGE = 10**30
# As large as one likes, or whatever the text.
UNBOUNDED = {"batch", "steps", "sequences_per_step", "replicates", "cases", "cohort"}
UNBOUNDED |= {"corpus_tokens", *STRATA}
ANY_TEXT = {"facts"}


class Twin(str):
    """A key that a mapping holds beside its equal."""

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


@dataclass(frozen=True)
class Wrong:
    """A file of wrong parameters, and the names of which a refusal must give one."""

    name: str
    text: str
    key: str


def wrong_params(raw: dict[str, Any], n: int, rng: np.random.Generator) -> list[Wrong]:
    """Return n wrong files, of each leaf at least one if there are so many."""
    by_leaf = [list(_wrongs(raw, path, value)) for path, value in _leaves(raw)]
    chosen = []
    while len(chosen) < n:
        for wrongs in (by_leaf[place] for place in rng.permutation(len(by_leaf))):
            if wrongs and len(chosen) < n:
                chosen.append(wrongs.pop(int(rng.integers(len(wrongs)))))
    return chosen


def _leaves(section: dict, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in section.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def _wrongs(raw: dict[str, Any], path: tuple[str, ...], value: object) -> Iterator[Wrong]:
    *above, key = path
    # Of what is followed, strata are keys: the whole mapping is named.
    named = above[-1] if above and above[-1] == "followed" else key

    def changed(how: str, change: Callable[[dict], object], name: str = named) -> Wrong:
        copied = deepcopy(raw)
        section = copied
        for part in above:
            section = section[part]
        change(section)
        text = json.dumps(copied, indent=1).replace("NaN", ".nan").replace("Infinity", ".inf")
        return Wrong(f"{'.'.join(path)}: {how}", text, name)

    def given(how: str, other: object) -> Wrong:
        return changed(how, lambda section: section.__setitem__(key, other))

    other = f"{key}x"
    yield changed("missing", lambda section: section.pop(key))
    yield changed(
        "an unknown name",
        lambda section: section.__setitem__(other, section.pop(key)),
        named if named != key else other,
    )
    yield changed("twice", lambda section: section.__setitem__(Twin(key), value), key)
    yield from (given(*wrong) for wrong in _values(key, value))


def _values(key: str, value: object) -> Iterator[tuple[str, object]]:
    """Yield what is surely wrong in place of a value, with a word for it."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    yield "another type: a list of a mapping", [{"a": 1}]
    if not isinstance(value, dict):
        yield "another type: a mapping", {"a": 1}
    if value is not None:
        yield "nothing", None
    if not isinstance(value, bool):
        yield "another type: true", True
    if key not in ANY_TEXT:
        yield "a word", "no-such"
        yield "empty", ""
    if isinstance(value, list):
        yield "an empty list", []
        yield "one thing twice", [value[0], value[0]]
    if is_number:
        yield "negative", -1
        yield "not a number", float("nan")
        yield "infinite", float("inf")
        if key not in UNBOUNDED:
            yield "huge", HUGE
    else:
        yield "another type: a number", 7.5


def of_params(made: Miniature, n: int, rng: np.random.Generator) -> list[Trial]:
    """Return wrong parameters of a finished study, whose first stage is run again."""
    raw = read_yaml(made.finished / "params.yaml")

    def write(folder: Path, wrong: Wrong) -> None:
        Path(folder, "params.yaml").write_text(wrong.text)

    return [
        Trial(
            "bad params",
            wrong.name,
            made.finished,
            lambda: stage("suite"),
            made.after["split"],
            damage=lambda folder, wrong=wrong: write(folder, wrong),
            words=(wrong.key,),
        )
        for wrong in wrong_params(raw, n, rng)
    ]
