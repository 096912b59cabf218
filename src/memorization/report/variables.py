"""Everything that the text of the paper says of the results, already written out.

Quarto reads ``paper/_variables.yml`` and puts ``{{< var labels.memorized >}}`` into the text. What
there is to say is in ``variables.yaml``: the keys are the same whatever the target, and what does
not exist for it is a dash, so the same text holds for all. Where the text must say in which
direction something goes, the words are decided by an interval; and where one suite needs another
sentence than the other, or a question could not be asked, the sentence is chosen here.
"""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from memorization import protocol
from memorization.report import facts as topics
from memorization.report.names import family_name, listed, model_name
from memorization.report.numbers import (
    ADDS,
    MISSING,
    VERSUS,
    count,
    decimal,
    estimate,
    large,
    percent,
    percent_estimate,
    side,
)
from memorization.report.results import Results

# How a value is written: a single digit is that of an estimate's decimals.
FORMS: dict[str, Callable[[Any], str]] = {
    "": str,
    "count": count,
    "percent": lambda x: percent_estimate(x) if isinstance(x, Mapping) else percent(x),
    "large": large,
    **{str(digits): partial(estimate, digits=digits) for digits in (0, 2, 3)},
    **{f".{digits}": partial(decimal, digits=digits) for digits in (1, 2, 3)},
    "versus": lambda found: VERSUS[side(found)],
    "adds": lambda found: ADDS[side(found)],
    "model": model_name,
    "feature": family_name,
    "list": listed,
    "models": lambda names: listed([model_name(name) for name in names]),
    "families": lambda names: listed([family_name(name) for name in names]),
}


class _Text(string.Formatter):
    """Fills in ``{path.of.keys:form}``; what is below something missing (None) is missing."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        found: Any = kwargs
        for key in field_name.split("."):
            if found is not None:
                found = found[key] if isinstance(found, Mapping) else getattr(found, key)
        return found, field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        if value is None and format_spec not in ("versus", "adds"):
            return MISSING
        return FORMS[format_spec](value)


def variables(results: Results) -> dict[str, dict[str, str]]:
    """Return topic -> name -> text."""
    facts: topics.Facts = {"params": results.params, "suite": results.suite, "protocol": protocol}
    facts |= results.metrics
    cases: topics.Cases = {}
    for topic in (
        topics.suite,
        topics.labels,
        topics.strata,
        topics.split,
        topics.arm,
        topics.seeds,
        topics.whether,
        topics.association,
        topics.siblings,
        topics.when,
    ):
        topic(results, facts, cases)
    return filled(texts(), facts, cases)


def texts() -> dict[str, Any]:
    """Return what there is to say: topic -> name -> text, or case -> text."""
    return yaml.safe_load(Path(__file__).with_name("variables.yaml").read_text(encoding="utf-8"))


def filled(texts: dict[str, Any], facts: topics.Facts, cases: topics.Cases) -> dict[str, Any]:
    """Return topic -> name -> the text of the case that holds, filled in with the facts."""
    written: dict[str, dict[str, str]] = {topic: {} for topic in texts}
    for topic, names in texts.items():
        for name, text in names.items():
            if isinstance(text, Mapping):
                text = text[cases.get(f"{topic}.{name}", facts["suite"].name)]
            written[topic][name] = _Text().vformat(text, (), facts | {"written": written})
    return written


def to_yaml(topics: Mapping[str, Mapping[str, str]]) -> str:
    """Return the variables as YAML: sorted, every value a quoted string.

    >>> print(to_yaml({"b": {"y": "1,0", "x": "é"}}), end="")
    # Written by memorization.stages.report.
    b:
      x: "é"
      y: "1,0"
    """
    lines = ["# Written by memorization.stages.report."]
    for topic in sorted(topics):
        lines.append(f"{topic}:")
        # A JSON string is a YAML string.
        lines += [
            f"  {name}: {json.dumps(text, ensure_ascii=False)}"
            for name, text in sorted(topics[topic].items())
        ]
    return "\n".join(lines) + "\n"
