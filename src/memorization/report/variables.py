"""The numbers and names of the paper's text, already written out.

Quarto reads ``paper/_variables.yml`` and puts ``{{< var labels.memorized >}}`` into the text. What
is written is in ``variables.yaml``: the keys are the same whatever the target, and what does not
exist for it is a dash.
"""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from memorization.report.facts import at_path
from memorization.report.names import listed, model_name
from memorization.report.numbers import (
    MISSING,
    count,
    decimal,
    estimate,
    large,
    percent,
    percent_estimate,
)

# How a value is written: a single digit is that of an estimate's decimals.
FORMS: dict[str, Callable[[Any], str]] = {
    "": str,
    "count": count,
    "percent": lambda x: percent_estimate(x) if isinstance(x, Mapping) else percent(x),
    "large": large,
    **{str(digits): partial(estimate, digits=digits) for digits in (0, 2, 3)},
    **{f".{digits}": partial(decimal, digits=digits) for digits in (1, 2)},
    "model": model_name,
    "list": listed,
}


class _Text(string.Formatter):
    """Fills in ``{path.of.keys:form}``; what is missing is a dash."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return at_path(field_name, kwargs), field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        return MISSING if value is None else FORMS[format_spec](value)


def variables(facts: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return topic -> name -> text, of what `memorization.report.facts.facts_of` returns."""
    source = Path(__file__).with_name("variables.yaml").read_text(encoding="utf-8")
    return {
        topic: {name: _Text().vformat(text, (), facts) for name, text in names.items()}
        for topic, names in yaml.safe_load(source).items()
    }


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
