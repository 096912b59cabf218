"""What each family of features knows by itself, and what it adds."""

from __future__ import annotations

from memorization.protocol import TIERS
from memorization.report.names import family_name, feature_name
from memorization.report.numbers import decimal, estimate, gain
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table


def write(results: Results) -> str:
    """Return the families by tier, with their best feature, scores and verdict.

    What turned out useless stays. At the end of each tier are all features that it may use, which
    is what the families are added to.
    """
    found = results.metrics["association"]
    families, tiers = found["families"], found["tiers"]
    order = dict.fromkeys(results.association["family"])
    rows = []
    for tier in (tier for tier in TIERS if tier in tiers):
        for place, family in enumerate(f for f in order if families[f]["tier"] == tier):
            score = families[family]
            best = f"{feature_name(score['best'])}: {decimal(score['best_auroc']['value'], 2)}"
            rows.append(
                [
                    tier if place == 0 else "",
                    family_name(family),
                    best,
                    estimate(score["auroc"], 2),
                    estimate(score["average_precision"], 2),
                    gain(score.get("average_precision_added_to_duplication")),
                    gain(score.get("average_precision_added")),
                    str(score["verdict"]),
                ]
            )
        whole = tiers[tier]
        rows.append(
            [
                "",
                f"*all {whole['features']} features*",
                "",
                estimate(whole["auroc"], 2),
                estimate(whole["average_precision"], 2),
                gain(whole.get("average_precision_added_to_duplication")),
                "",
                "",
            ]
        )
    header = ["tier", "family", "best feature: AUROC", "AUROC", "average precision"]
    header += ["added to duplication", "added to all others", "verdict"]
    return pipe_table(header, rows, "<9 <15 <17 >13 >12 >18 >18 <10")
