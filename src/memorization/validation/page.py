"""What was found of labelled texts: as a page to forward, and in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from matplotlib.figure import Figure

from memorization.report.drawing import BLUE, GREY, Look, draw_estimate, mark_value
from memorization.report.page import document, html_figure, html_table
from memorization.report.wording import count, decimal, estimate, model_name, percent
from memorization.validation.analyse import BOTH

WAY = {"as_it_is": "as it is", "plain": "white space collapsed"}
LOOKS = {"as_it_is": Look(BLUE, "o", "-"), "plain": Look(GREY, "s", "-")}

NAMES = {
    "applied": "text model, not refitted",
    "perplexity": "perplexity alone",
    "boosting_perplexity": "boosted trees with perplexity",
}

# Of the table of scores; the last column is left out in the terminal.
HEADS = ["model", "texts", "AUROC", "average precision", "over n-grams", "random split adds"]


def page(found: Mapping[str, Any]) -> str:
    """Return a self-contained HTML page.

    Parameters
    ----------
    found : as from `memorization.validation.command.validated`.
    """
    own = found["as_it_is"]
    sizes = (
        f"{count(own['n'])} texts, {count(own['cases'])} of them memorized, in "
        f"{count(own['clusters'])} clusters of shared text; the memorized carry as much "
        f"information as {count(own['effective_clusters'])} clusters of equal size."
    )
    parts = [
        f"<p>{sizes}</p>",
        *([f"<p>{escape(_applied(found['applied']))}</p>"] if "applied" in found else []),
        *(f"<p><strong>{escape(text)}</strong></p>" for text in warnings(found)),
        "<h2>How well are they told apart?</h2>",
        html_figure(lambda: _figure(found)),
        html_table(HEADS, _scores(found)),
        '<p class="soft">What is fitted here is scored out of fold, by models of the other folds; '
        "texts that share a run of tokens are in one fold. In brackets: 95% intervals over "
        "clusters. A random split adds what a model gains by having seen near copies of a "
        "text.</p>",
        "<h2>Are the probabilities right?</h2>",
        html_table(["model", "texts", "memorized per predicted", "slope"], _calibrations(found)),
        '<p class="soft">As scored above. Both are 1 where probabilities are right. '
        "Above 1 memorized per predicted, a model predicts too few; with a slope below 1 its "
        "probabilities are too close to 0 and 1. Memorized per predicted holds only where as many "
        "texts are memorized as in this table.</p>",
        "<h2>What tells them apart without any model?</h2>",
        html_table(["column", "AUROC alone"], _alone(own)),
    ]
    if own["artefacts"]:
        parts += [
            "<h2>How do the two kinds differ otherwise?</h2>",
            html_table(["trait", "of the memorized", "of the others", "AUROC alone"], _traits(own)),
            '<p class="soft">Such differences may come from how the texts were collected. Whatever '
            "can see them scores well, and says nothing of memorization.</p>",
        ]
    return document(f"Which of the texts in {found['file']} are memorized?", parts)


def warnings(found: Mapping[str, Any]) -> list[str]:
    """Return what must be known before any score is believed, in sentences."""
    own, plain = found["as_it_is"], found["plain"]
    best = "+".join(BOTH)
    said = []
    applied = found.get("applied", {"seen": 0})
    if applied["seen"]:
        said.append(
            f"{count(applied['seen'])} of the {count(own['n'])} texts, "
            f"{count(applied['seen_cases'])} of them memorized, are among those that the text "
            "model was fitted to: its scores, not refitted, are no out-of-sample scores."
        )
    if own["artefacts"]:
        names = ", ".join(one["trait"] for one in own["artefacts"][:3])
        said.append(
            f"The memorized texts differ from the others in how they look or where they are from "
            f"({names}); the scores may come from that alone."
        )
    before, after = (part["scores"][best]["auroc"]["value"] for part in (own, plain))
    if before - after > 0.01:
        said.append(
            f"With runs of white space made one space, the AUROC of the {_named(best)} falls from "
            f"{decimal(before)} to {decimal(after)}: that much was formatting."
        )
    return said


def terminal(found: Mapping[str, Any]) -> str:
    """Return the scores as lines of a terminal."""
    rows = [row[:-1] for row in (HEADS, *_scores(found))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    lines += [f"{name}: AUROC {area} alone" for name, area in _alone(found["as_it_is"])]
    told = [_applied(found["applied"])] if "applied" in found else []
    return "\n".join([*lines, *told, *warnings(found)])


def _names(found: Mapping[str, Any]) -> dict[str, str]:
    """Return model -> its name, which says where it is judged by what it has seen."""
    names = {model: _named(model) for model in found["as_it_is"]["scores"]}
    if "applied" in found and (seen := found["applied"]["seen"]):
        names["applied"] += f" (has seen {percent(seen / found['as_it_is']['n'])})"
    return names


def _named(model: str) -> str:
    return NAMES.get(model, " and ".join(model_name(part).lower() for part in model.split("+")))


def _applied(own: Mapping[str, Any]) -> str:
    return (
        f"The text model that is not refitted was fitted to {own['about']} "
        f"({count(own['cases'])} memorized of {count(own['n'])})."
    )


def _scores(found: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for model, label in _names(found).items():
        for way, name in WAY.items():
            own = found[way]["scores"][model]
            over, split = own["over_ngrams"], own["random_split"]
            rows.append(
                [
                    label,
                    name,
                    estimate(own["auroc"], 3),
                    estimate(own["average_precision"], 3),
                    "" if over is None else estimate(over["auroc"], 3),
                    "" if split is None else estimate(split["auroc"], 3),
                ]
            )
    return rows


def _calibrations(found: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for model, label in _names(found).items():
        for way, name in WAY.items():
            own = found[way]["scores"][model]["calibration"]
            told = [_ratio(own[part]) for part in ("observed_to_expected", "slope")]
            rows.append([label, name, *told])
    return rows


def _ratio(found: Mapping[str, float | None]) -> str:
    """Return a ratio with its interval; a little less than 1 is nothing special, as of an AUROC."""
    return estimate(
        {part: None if value is None else round(value, 2) for part, value in found.items()}, 2
    )


def _alone(own: Mapping[str, Any]) -> list[list[str]]:
    return [[name, estimate(area)] for name, area in own["given"].items()]


def _traits(own: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            one["trait"],
            "" if one["memorized"] is None else percent(one["memorized"]),
            "" if one["others"] is None else percent(one["others"]),
            decimal(one["auroc"]),
        ]
        for one in own["artefacts"]
    ]


def _figure(found: Mapping[str, Any]) -> Figure:
    models = _names(found)
    figure = Figure(figsize=(6.5, 0.8 + 0.42 * len(models)))
    axes = figure.subplots()
    for place, model in enumerate(models):
        for shift, (way, look) in zip((-0.13, 0.13), LOOKS.items(), strict=True):
            draw_estimate(axes, place + shift, found[way]["scores"][model]["auroc"], look)
    axes.set_yticks(range(len(models)), list(models.values()))
    axes.set_ylim(len(models) - 0.4, -0.6)
    axes.set_xlabel("AUROC (● as it is, □ white space collapsed)")
    axes.grid(axis="y", visible=False)
    mark_value(axes, 0.5, "chance")
    return figure
