"""How well it is predicted whether, and when, a sequence is memorized; and what is hard."""

from __future__ import annotations

from typing import Any

from memorization.features.text import token_bytes
from memorization.protocol import PROMPT
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table
from memorization.report.wording import (
    METRICS,
    MISSING,
    count,
    decimal,
    estimate,
    model_name,
    percent,
    percent_estimate,
    stratum_name,
)
from memorization.siblings import published
from memorization.tables import token_matrix

WHETHER = ("auroc", "average_precision", "precision", "recall", "f1")

# With the decimals and the width that each is given.
WHEN = {
    "concordance": (2, ">14"),
    "concordance_memorized": (2, ">14"),
    "brier_skill": (2, ">14"),
    "absolute_error_steps": (0, ">16"),
    "state_skill": (2, ">14"),
}

# What is counted, and the baseline that knows that count alone.
COUNTS = {
    "sequence_count": ("sequence", "duplicate_count"),
    "continuation_count": ("continuation", "continuation_count"),
}

# Of the hard cases, and the characters that are shown of a continuation.
KINDS = {
    "memorized_though_rare": "memorized",
    "not_memorized_though_frequent": "not memorized",
}
SHOWN = 64
# Of smaller models as predictors.
SIBLINGS = ("precision", "recall", "f1")


def whether_scores(results: Results) -> str:
    """Return the scores of every model and baseline by tier, with intervals."""
    rows = [
        [tier, model_name(model), *(estimate(found[metric], 2) for metric in WHETHER)]
        for tier, model, found in results.scored("whether")
    ]
    columns = {"tier": "<10", "model": "<18"} | {METRICS[metric]: ">13" for metric in WHETHER}
    return pipe_table(columns, rows, once=True)


def when_scores(results: Results) -> str:
    """Return the scores of every survival model by tier, with intervals."""
    rows = [
        [
            tier,
            model_name(model),
            *(estimate(found.get(metric), digits) for metric, (digits, _) in WHEN.items()),
        ]
        for tier, model, found in results.scored("when")
    ]
    if not results.when_done:
        reason = results.metrics["when"]["reason"]
        rows = [["", f"not answered: {reason}", *[MISSING] * len(WHEN)]]
    columns = {METRICS[metric]: width for metric, (_, width) in WHEN.items()}
    return pipe_table({"tier": "<10", "model": "<24"} | columns, rows, once=True)


def strata(results: Results) -> str:
    """Return the strata of each count, with the scores of the count and the best classifier."""
    tier, best = results.best_of_all("whether")
    rows = []
    for name, (counted, baseline) in COUNTS.items():
        found = results.strata(name)
        total = sum(stratum["population"] for stratum in found.values())
        baseline_tier, _ = results.baseline("whether", baseline) or ("", "")
        for key, stratum in found.items():
            alone = stratum.get(baseline_tier, {}).get(baseline, {})
            own = stratum.get(tier, {}).get(best, {})
            rows.append(
                [
                    counted,
                    stratum_name(key),
                    percent(stratum["population"] / total),
                    f"{count(stratum['cases'])} of {count(stratum['n'])}",
                    percent_estimate(stratum["prevalence"]),
                    estimate(alone.get("average_precision"), 2),
                    estimate(own.get("average_precision"), 2),
                    estimate(own.get("average_precision_gain"), 2),
                ]
            )
    columns = {"": "<14", "times": "<8", "share": ">8", "memorized": ">12", "memorized (%)": ">20"}
    columns |= {"count": ">16", model_name(best): ">16", "gain": ">16"}
    return pipe_table(columns, rows or [["not counted", *[MISSING] * 7]], once=True)


def hard_cases(results: Results) -> str:
    """Return the rarest memorized and the most frequent that are not, and what was predicted."""
    found = results.metrics["whether"].get("hard_cases", {})
    cases = [(name, case) for kind, name in KINDS.items() for case in found.get(kind, [])]
    columns = {"": "<14", "occurrences": ">11", "predicted": ">12", "continuation": "<70"}
    if not cases:
        return pipe_table(columns, [["not counted", *[MISSING] * 3]])
    rows = results.sample.set_index("index").loc[[case["index"] for _, case in cases]]
    pieces = token_bytes(results.suite.tokenizer)
    table = [
        [
            name,
            count(case["count"]),
            percent(case["probability"]),
            shown(b"".join(pieces[token] for token in row)),
        ]
        for (name, case), row in zip(
            cases, token_matrix(rows["tokens"])[:, PROMPT:].tolist(), strict=True
        )
    ]
    return pipe_table(columns, table, once=True)


def shown(text: bytes) -> str:
    """Return the beginning of a text as code in Markdown: white space made visible.

    >>> shown(b"a `b`" + bytes([10, 9]) + b"c")
    "`a 'b'\u23ce\u2192c`"
    """
    whole = text.decode("utf-8", "replace").translate({10: "\u23ce", 9: "\u2192", 96: "'"})
    seen = "".join(letter if letter.isprintable() else "\ufffd" for letter in whole)
    return f"`{seen[:SHOWN]}{'…' if len(seen) > SHOWN else ''}`"


def siblings(results: Results) -> str:
    """Return exact scores of every pair over the whole population, for the target first.

    Accuracy is beside that of always saying no. For Pythia-12B, precision and recall over the
    sequences that Biderman et al. (2023) evaluated stand beside what they report.
    """
    found = results.metrics["siblings"]
    compare, compute = found["target"] == published.TARGET, found["compute"]
    targets = sorted(found["pairs"], key=compute.__getitem__, reverse=True)
    targets.sort(key=lambda model: model != found["target"])
    rows = []
    for target in targets:
        pairs = found["pairs"][target]
        for predictor in sorted(pairs, key=compute.__getitem__):
            scores = pairs[predictor]
            memorized = scores["true_positive"] + scores["false_negative"]
            row = [target, predictor, percent(compute[predictor] / compute[target])]
            row += [decimal(scores[name]) for name in SIBLINGS]
            always_no = 1 - memorized / found["population"]
            row += [decimal(scores["accuracy"], 4), decimal(always_no, 4)]
            rows.append(row + (_compared(found, target, predictor) if compare else []))
    columns = {"memorized by": "<14", "predicted by": "<16", "compute": ">10"}
    columns |= dict.fromkeys(
        [*(METRICS[name] for name in SIBLINGS), "accuracy", "of “none”"], ">10"
    )
    if compare:
        columns |= {"P, R where they looked": ">16", f"P, R in {published.CITATION}": ">16"}
    return pipe_table(columns, rows, once=True)


def _compared(found: dict[str, Any], target: str, predictor: str) -> list[str]:
    if target != published.TARGET or predictor not in published.SMALLER_MODELS:
        return ["", ""]
    own = (found["evaluated_pairs"] or {}).get(predictor)
    values = (own["precision"], own["recall"]) if own else ()
    pairs = (values, published.SMALLER_MODELS[predictor])
    return [", ".join(decimal(value) for value in pair) for pair in pairs]


TABLES = {
    "whether_scores": whether_scores,
    "when_scores": when_scores,
    "strata": strata,
    "hard_cases": hard_cases,
    "siblings": siblings,
}
