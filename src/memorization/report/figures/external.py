"""Do the same features tell what a small model here and a model of billions have memorized?"""

from __future__ import annotations

from matplotlib.figure import Figure

from memorization.association.univariate import CHANCE
from memorization.report.drawing import BLUE, GREY, in_words
from memorization.report.results import Results
from memorization.report.wording import feature_name

ALT = (
    "Scatter plot with a point for each feature of the text: across, its AUROC for the model "
    "trained here; up, its AUROC for published labels of Pythia. Lines at one half divide "
    "features that point the same way for both models from those that do not."
)

# Features that are named: those furthest apart.
NAMED = 4


def draw(results: Results) -> Figure:
    """Return the AUROC of each text feature alone, in this study and on Pythia's labels."""
    both = results.association.merge(results.external, on="feature", suffixes=("", "_external"))
    both = both[both[["auroc", "auroc_external"]].notna().all(axis=1)]
    if both.empty:
        return in_words("No feature was computed both here and there.")
    figure = Figure(figsize=(6.5, 4.6))
    axes = figure.subplots()
    decided = (both["observed"] != "0") & (both["observed_external"] != "0")
    for rows, colour, said in ((decided, BLUE, "both decided"), (~decided, GREY, "not both")):
        own = both[rows]
        axes.plot(own["auroc"], own["auroc_external"], "o", color=colour, ms=4, label=said)
    axes.axhline(CHANCE, color=GREY, lw=0.8)
    axes.axvline(CHANCE, color=GREY, lw=0.8)
    apart = (both["auroc"] - both["auroc_external"]).abs()
    for row in both.loc[apart.nlargest(NAMED).index].itertuples():
        place = (row.auroc, row.auroc_external)
        axes.annotate(
            feature_name(str(row.feature)), place, (4, 4), textcoords="offset points", fontsize=8
        )
    axes.set_xlabel(f"AUROC alone, {results.params.target}")
    axes.set_ylabel("AUROC alone, labels of Pythia-6.9b-deduped")
    axes.legend(title="intervals")
    return figure
