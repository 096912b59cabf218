"""The tables of docs/controls.md, in Markdown, from what controls.py found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from control_patterns import BANDS

from memorization.report.wording import MISSING, count, decimal, estimate, model_name

Found = Mapping[str, Any]
MODELS = ("logistic", "boosting", "ngrams")
PARTS = {"all": "all", "uncertain": "in doubt"}
# Of the table by domain, where every model would be too many.
SHOWN = (("text", "ngrams"), ("text", "boosting"), ("corpus", "boosting"))


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]], words: int = 2) -> str:
    """Return a table; the first columns, so many, are of words, the others of numbers."""
    aligned = ["---" if place < words else "--:" for place in range(len(header))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, aligned, *rows))


def by_number(names: Iterable[str]) -> list[str]:
    """Return names by the first number in them, those without one last.

    >>> by_number(["micro-1100k", "label", "micro-360k"])
    ['micro-360k', 'micro-1100k', 'label']
    """

    def place(name: str) -> tuple[float, str]:
        number = re.search(r"\d+", name)
        return float(number[0]) if number else np.inf, name

    return sorted(names, key=place)


def of_models(found: Found) -> Iterator[tuple[str, Any]]:
    """Yield the name of each model with its tier, and what was found of it."""
    for tier in ("text", "corpus"):
        for name in MODELS:
            if name in found.get(tier, {}):
                yield f"{model_name(name)}, {tier}", found[tier][name]


def permuted(found: Found) -> str:
    """Return the AUROC after labels were permuted; the standard error is between permutations."""
    rows = []
    for model, trials in of_models(found["permuted"]):
        for part, called in PARTS.items():
            aurocs = [one[part]["auroc"]["own"] for one in trials.values()]
            values = np.array([one["value"] for one in aurocs])
            error = values.std(ddof=1) / len(values) ** 0.5
            holding = sum(one["low"] <= 0.5 <= one["high"] for one in aurocs)
            rows.append(
                [
                    model,
                    called,
                    count(trials["0"][part]["n"]),
                    f"{decimal(float(values.mean()))} ({decimal(float(error))})",
                    f"{decimal(float(values.min()))} to {decimal(float(values.max()))}",
                    f"{holding} of {len(aurocs)}",
                ]
            )
    header = ["model", "rows", "n", "mean AUROC (standard error)", "least and most"]
    return markdown([*header, "intervals that hold 0.5"], rows)


def disguised(found: Found) -> str:
    """Return what is reported of a label among the features."""
    rows = [
        [
            model,
            f"{float(noise):g}",
            f"{decimal(own['alone']['average_precision'])} ({own['alone']['rank']})",
            decimal(own["alone"]["next"]),
            f"{estimate(own['importance'])} ({own['importance_rank']})",
            estimate(own["model"]["all"]["gain"]["disguised"]),
        ]
        for model, one in of_models(found["disguised"])
        for noise, own in one.items()
    ]
    header = ["model", "noise", "average precision alone (rank)", "best other alone"]
    return markdown([*header, "importance (rank)", "gain of AUROC"], rows, words=1)


def transfers(found: Found, own: str | None = None) -> str:
    """Return the AUROC of models by whose labels they were fitted to, and by whose they are judged.

    Parameters
    ----------
    found : tier -> model -> whose labels judge -> as `control_labels.compared`.
    own : the fit that others are compared with; None: to the labels that judge.
    """
    rows = []
    for model, tests in of_models(found):
        for test in by_number(tests):
            for part, scored in tests[test].items():
                auroc = scored.get("auroc", {})
                rows += [
                    [
                        model,
                        fitted,
                        test,
                        PARTS[part],
                        count(scored["n"]),
                        count(scored["cases"]),
                        estimate(auroc[fitted]),
                        decimal(auroc[own or test]["value"]),
                        estimate(scored["gain"][fitted]),
                    ]
                    for fitted in auroc
                    if fitted != (own or test)
                ]
    header = ["model", "fitted to", "judged by", "rows", "n", "memorized", "AUROC"]
    return markdown([*header, f"fitted to {own or 'its own'}", "difference"], rows, words=4)


def domains(found: Found) -> str:
    """Return the AUROC within domains: over all that were tested, and in each."""
    together = {
        tier: {name: {"each domain": one["together"]} for name, one in models.items()}
        for tier, models in found["domains"].items()
    }
    shown = [found["domains"][tier][name] for tier, name in SHOWN]
    rows = [
        [
            domain,
            count(one["all"]["n"]),
            count(one["all"]["cases"]),
            count(one["all"]["effective_clusters"]),
            *(
                f"{decimal(own[domain]['all']['auroc']['other']['value'])}, "
                f"{estimate(own[domain]['all']['gain']['other'])}"
                for own in shown
            ),
        ]
        for domain, one in shown[0].items()
        if domain != "together"
    ]
    header = ["domain", "n", "memorized", "texts in effect"]
    header += [f"{model_name(name)}, {tier}" for tier, name in SHOWN]
    return f"{transfers(together, 'all')}\n\n{markdown(header, rows, words=1)}"


def seeds(found: Found) -> str:
    """Return the AUROC on the labels of other seeds of models fitted to this study's."""
    if not found["seeds"]:
        return "The runs of `make seeds` were not there."
    rows = []
    for model, tests in of_models(found["seeds"]):
        for part, called in PARTS.items():
            judged = [one[part] for one in tests.values()]
            own = [one[part]["auroc"][seed]["value"] for seed, one in tests.items()]
            gains = [value for one in judged for value in one["gain"].values()]
            values = [one["value"] for one in gains]
            aurocs = [value + more for value, more in zip(own, values, strict=True)]
            holding = sum(one["low"] <= 0 <= one["high"] for one in gains)
            rows.append(
                [
                    model,
                    called,
                    count(judged[0]["n"]),
                    decimal(float(np.mean(aurocs))),
                    decimal(float(np.mean(own))),
                    decimal(float(np.mean(values))),
                    f"{decimal(min(values))} to {decimal(max(values))}",
                    f"{holding} of {len(gains)}",
                ]
            )
    header = ["model", "rows", "n", "mean AUROC", "fitted to its own", "mean difference"]
    return markdown([*header, "least and most", "intervals that hold 0"], rows)


def offset_labels(found: Found) -> str:
    """Return how far labels move with the window."""
    rows = [
        [
            PARTS[part],
            offset,
            count(one["n"]),
            count(one["memorized"]),
            *(
                estimate(one[share]) if offset != "0" else MISSING
                for share in ("agree", "kept", "gained")
            ),
        ]
        for part, own in found["offset_labels"].items()
        for offset, one in ((offset, own[offset]) for offset in by_number(own))
    ]
    header = ["rows", "tokens later", "n", "memorized", "same label", "still memorized", "newly so"]
    return markdown(header, rows, words=1)


def offset_scores(found: Found) -> str:
    """Return how far scores move with the window."""
    rows = [
        [
            model,
            PARTS[part],
            offset,
            estimate(one["rank_correlation"]) if offset != "0" else MISSING,
            estimate(one["auroc"]),
            estimate(one["gain"]) if offset != "0" else MISSING,
        ]
        for model, parts in of_models(found["offset_scores"])
        for part, own in parts.items()
        for offset, one in ((offset, own[offset]) for offset in by_number(own))
    ]
    header = ["model", "rows", "tokens later", "rank correlation", "AUROC", "less that at 0"]
    return markdown(header, rows)


def pattern(found: Found) -> str:
    """Return how the patterns of models of each size go with Pythia's."""
    bands = {name: found["patterns"]["bands"][name] for name in BANDS}
    names = by_number(bands["any"]["correlation"])
    rows = [
        [
            band,
            called,
            count(one["n"]),
            count(one["features"]),
            *(estimate(one[measure][name], 2) for name in names),
            estimate(one["growth"], 2) if measure == "correlation" else MISSING,
        ]
        for band, one in bands.items()
        for measure, called in (("correlation", "correlation"), ("same_sign", "same sign"))
    ]
    named = [name.replace("label", "label of the largest") for name in names]
    header = ["occurrences", "over the features", "n", "features", *named]
    return markdown([*header, "largest less smallest"], rows)


TABLES: dict[str, Callable[[Found], str]] = {
    "permuted": permuted,
    "disguised": disguised,
    "domains": domains,
    "sizes": lambda found: transfers(found["sizes"]),
    "seeds": seeds,
    "halves": lambda found: transfers(found["halves"]),
    "offset labels": offset_labels,
    "offset scores": offset_scores,
    "patterns": pattern,
}
