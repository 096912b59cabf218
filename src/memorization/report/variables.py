"""What the text of the paper speaks of: facts of the results, and variables written of them.

Quarto reads ``paper/_variables.yml`` and puts ``{{< var labels.memorized >}}`` into the text. What
is written is in ``variables.yaml``: the keys are the same whatever the target, and what does not
exist for it is a dash. Facts are the metrics, and what is computed here of tables, or chosen.
"""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from memorization import protocol
from memorization.association.correlation import SAME
from memorization.evaluation.metrics.sums import weighted_mean
from memorization.files import read_kept
from memorization.protocol import TIERS
from memorization.report.results import Results
from memorization.report.tables.families import LITTLE
from memorization.report.wording import (
    MISSING,
    count,
    decimal,
    defined,
    estimate,
    family_name,
    large,
    listed,
    model_name,
    percent,
    percent_estimate,
    share,
)
from memorization.siblings.analyse import tokens_seen

Facts = dict[str, Any]

# The feature that the claim of one count is about.
COUNT = "duplication.continuation_count"
# How often intervals hold the truth in simulations, from benchmarks/interval_coverage.py.
COVERAGE = Path("docs/coverage.json")
# What was found where classifiers should fail, or might, from benchmarks/controls.py.
CONTROLS = Path("docs/controls.json")
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
    """Return topic -> name -> text, of what `facts_of` returns."""
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


def facts_of(results: Results) -> Facts:
    """Return by name what variables and claims are about: metrics, params, suite, and the below."""
    facts: Facts = {"params": results.params, "suite": results.suite, "protocol": protocol}
    facts |= results.metrics | {"coverage": _coverage(read_kept(COVERAGE))}
    facts |= {"continues": _continues(read_kept(CONTROLS), results.suite.models[0])}
    for topic in (_suite, _labels, _whether, _association, _siblings, _lottery, _seeds):
        facts |= topic(results)
    return facts


def _coverage(found: Mapping[str, Any]) -> Facts:
    """Return how seldom and how often intervals hold the truth, whatever the number and clusters.

    >>> _coverage({"effective_clusters": {"8": {"clusters": 31, "auroc": {"covers": 0.94}}}})
    {'least': 0.94, 'most': 0.94}
    """
    covers = [
        of["covers"]
        for numbers in found.get("effective_clusters", {}).values()
        for of in numbers.values()
        if isinstance(of, Mapping)
    ]
    return {"least": min(covers, default=None), "most": max(covers, default=None)}


def _continues(found: Mapping[str, Any], smallest: str) -> Facts | None:
    """Return how features go with what the smallest model can continue, and with its labels.

    Each as the correlation with how they go with Pythia's labels, among texts of equal count; None
    where the controls are of another suite, or there are none.
    """
    correlation = at_path("patterns.bands.any.correlation", found) or {}
    if smallest not in correlation:
        return None
    return {"smallest": correlation[smallest], "label": correlation["label"]}


def _suite(results: Results) -> Facts:
    suite, params = results.suite, results.params
    memorized = results.metrics["labels"]["memorized_by_model"]
    of_model = {
        name: {"parameters": size, "memorized": memorized[name] / suite.population}
        for name, size in suite.parameters.items()
    }
    smaller = suite.smaller(params.target)
    return {
        "forward": protocol.SEQUENCE - 1,
        "level": f"{100 * params.bootstrap.level:g}",
        "n_models": len(suite.models),
        "smallest": of_model[suite.models[0]],
        "largest": of_model[suite.models[-1]],
        "target": of_model[params.target],
        "reference": [
            name for name in smaller if not params.is_published or name == params.pythia.reference
        ][:1],
        "last_step": suite.steps[-1],
        "tokens": tokens_seen(suite, suite.steps[-1]),
        "n_domains": results.sample["domain"].nunique(),
        "n_arm_windows": suite.steps[-1] * suite.sequences_per_step - suite.population,
    }


def _labels(results: Results) -> Facts:
    """Return what a scan left out, what rounding may change, and what is lost of the memorized."""
    found = results.metrics["labels"]
    ever = results.trajectories.memorized.any(axis=1)
    lost_again = ~results.followed["memorized"].to_numpy(dtype=bool)[ever]
    margins, census = found["margins"], found["census"]
    facts: Facts = {
        "lost": None,
        "n_excluded": len(found["times"]["excluded"]),
        "fragile_share": margins
        and share(margins["fragile"], sum(band["memorized"] for band in margins["bands"].values())),
        "census": census
        and {
            "checkpoints": len(census["steps"]),
            "lost": share(census["forgotten"], census["ever"]),
        },
    }
    if len(results.steps) < 2 or not len(lost_again):
        return facts
    lost = results.when_bootstrap.take(np.asarray(ever)).estimate(
        lambda truth, _, weight: weighted_mean(truth, weight),
        lost_again,
        lost_again,
        results.when_weight[ever],
    )
    return facts | {"lost": defined(lost)}


def _whether(results: Results) -> Facts:
    """Return what random folds buy where least is known, and the best of the other features."""
    scores = results.metrics["whether"]
    lowest = results.fitted_tiers("whether")[0]
    leaky = scores["leakage"]["fold_random"][lowest]
    model = results.best("whether", lowest, leaky)
    single = [
        value
        for found in scores["single_features"].values()
        for name, value in found.items()
        if name != COUNT and value is not None
    ]
    return {
        "leakage": {"model": model, "random": leaky[model]},
        "next_feature": max(single, default=None),
    }


def _association(results: Results) -> Facts:
    families = results.metrics["association"]["families"]
    return {
        "n_features": len(results.association),
        "n_text_features": int((results.association["tier"] == TIERS[0]).sum()),
        "n_families": len(families),
        "n_not_shown": sum(
            (of["average_precision_added"]["low"] or 0) <= 0 for of in families.values()
        ),
        "harmful": [
            family_name(name) for name, of in families.items() if of["verdict"] == "harmful"
        ],
        "same": f"{SAME:g}",
        "little": f"{LITTLE:g}",
    }


def _siblings(results: Results) -> Facts:
    """Return what the next smaller model tells of the target; None if there is none."""
    found, target = results.metrics["siblings"], results.params.target
    compute, pairs = found["compute"], found["pairs"].get(target, {})
    if not pairs:
        return {"next": None}
    name = max(pairs, key=compute.__getitem__)
    return {"next": pairs[name] | {"name": name, "compute": compute[name] / compute[target]}}


def _lottery(results: Results) -> Facts:
    """Return the experiment of all seeds, or of this run's, and the dose next to its half dose."""
    found = results.experiment
    if found is None:
        return dict.fromkeys(("lottery", "middle", "doses", "at_contrast"))
    doses = sorted(of["dose"] for of in found["cells"].values() if of["schedule"] == "random")
    half = found["ed50"]["value"]
    dose = None if half is None else str(min(doses, key=lambda dose: abs(dose - half)))
    clock = found["tested"].get("exposure_clock", {}).get("cells", {})
    middle = {
        "dose": dose,
        "gap": (found["gap"] or {}).get(dose),
        "clock": clock.get(dose, {}).get("memorized"),
    }
    return {
        "lottery": found,
        "middle": middle,
        "doses": [count(dose) for dose in doses],
        "at_contrast": found["cells"].get(str(results.params.arm.contrast_dose)),
    }


def _seeds(results: Results) -> Facts:
    """Return what other seeds change."""
    found = results.seeds
    if found is None:
        names = ("seeds", "n_seeds", "seeds_least", "seeds_most", "seeds_always", "seeds_shared")
        return dict.fromkeys(names)
    always = shared = None
    if found["memorized_in"] is not None:
        # Sequences memorized in 0, 1, … of the seeds.
        sequences = np.sum(list(found["memorized_in"].values()), axis=0)
        times = np.arange(len(sequences))
        always = share(float(sequences[-1]), float(sequences[1:].sum()))
        # Of what one seed memorizes, what another does: on average over ordered pairs of seeds.
        others = (times - 1) / (len(sequences) - 2)
        shared = share(float(sequences @ (times * others)), float(sequences @ times))
    return {
        "seeds": found,
        "n_seeds": len(found["seeds"]),
        "seeds_least": min(found["headline"]["memorized"]["values"]),
        "seeds_most": max(found["headline"]["memorized"]["values"]),
        "seeds_always": always,
        "seeds_shared": shared,
    }


def at_path(path: str, facts: Mapping[str, Any]) -> Any:
    """Return what is at a path of keys and attributes; None where something on it is missing.

    >>> at_path("arm.gap.low", {"arm": {"gap": {"low": 0.25}}}), at_path("arm.no.low", {"arm": {}})
    (0.25, None)
    """
    found: Any = facts
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else getattr(found, key, None)
    return found
