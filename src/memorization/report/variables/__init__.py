"""Everything that the text of the paper says of the results, already written out.

Quarto reads ``paper/_variables.yml`` and puts ``{{< var labels.memorized >}}`` into the text. The
keys are the same whatever the target: what does not exist for it is a dash, so the same text holds
for all. Where the text must say in which direction something goes, the word is a variable as well,
decided by an interval here; and where one suite needs another sentence than the other, or a
question could not be asked, the sentence is.

A topic is a module with a function from results to its variables, and one line here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from memorization.report.results import Results
from memorization.report.variables.association import association
from memorization.report.variables.labels import labels
from memorization.report.variables.protocol import protocol
from memorization.report.variables.siblings import siblings
from memorization.report.variables.split import split
from memorization.report.variables.strata import strata
from memorization.report.variables.suite import suite
from memorization.report.variables.when import when
from memorization.report.variables.whether import importance, leakage, whether
from memorization.report.variables.words import Topic

TOPICS = {
    "protocol": protocol,
    "suite": suite,
    "labels": labels,
    "strata": strata,
    "split": split,
    "whether": whether,
    "leakage": leakage,
    "importance": importance,
    "association": association,
    "siblings": siblings,
    "when": when,
}


def variables(results: Results) -> dict[str, Topic]:
    """Return topic -> name -> text."""
    return {name: topic(results) for name, topic in TOPICS.items()}


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
