"""Which features say the same?"""

from __future__ import annotations

import itertools

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from memorization.association.correlation import matrix_of
from memorization.association.families import families_of
from memorization.report.drawing import BLACK, label
from memorization.report.results import Results
from memorization.report.wording import family_name

ALT = (
    "Triangular matrix of the rank correlations of all pairs of features, ordered by family. "
    "Blue cells are positive, red cells negative, darker ones stronger; dense blocks on the "
    "diagonal are families whose features repeat each other."
)

# Least size of a rank correlation in each shade, and the shades: blue for features that go
# together, red for those that go apart, darker for more.
LEVELS = (0.2, 0.4, 0.6, 0.8)
TOGETHER = ("#c3dcee", "#7fb5da", "#2f7ab8", "#083a70")
APART = ("#f5cbb7", "#e58f6f", "#c0473c", "#6f0a20")


def draw(results: Results) -> Figure:
    """Return Spearman's correlation of every two features over the population, by family."""
    names = results.association["feature"].tolist()
    matrix = matrix_of(results.correlation, names)
    figure = Figure(figsize=(6.5, 5.4))
    axes = figure.subplots()
    axes.set(xlim=(0, len(names)), ylim=(len(names), 0), xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    lower = np.tril(np.ones(matrix.shape, dtype=bool))
    for sign, shades in ((1, TOGETHER), (-1, APART)):
        for (low, high), shade in zip(itertools.pairwise((*LEVELS, np.inf)), shades, strict=True):
            # Undefined correlations, of features that are constant, are in no shade.
            cells = lower & (sign * matrix >= low) & (sign * matrix < high)
            axes.add_patch(PathPatch(_squares(cells), facecolor=shade, linewidth=0))
    _name_families(axes, families_of(names))
    _key(figure)
    return figure


def _squares(cells: np.ndarray) -> Path:
    """Return the outline of some cells of a matrix; neighbours in a row are one rectangle.

    One path a shade keeps the file small: a square for each of ten thousand cells would not.
    """
    edges = np.diff(np.pad(cells, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    row, begin = np.nonzero(edges == 1)
    end = np.nonzero(edges == -1)[1]
    corners = [(begin, row), (end, row), (end, row + 1), (begin, row + 1), (begin, row)]
    vertices = np.array(corners, dtype=np.float64).reshape(5, 2, -1)
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    return Path(vertices.transpose(2, 0, 1).reshape(-1, 2), np.tile(codes, len(row)))


def _name_families(axes: Axes, families: dict[str, list[str]]) -> None:
    """Draw the borders of the families and write their names at both ends of their rows."""
    place = 0
    for family, columns in families.items():
        end = place + len(columns)
        axes.plot([0, end, end], [end, end, place], color=BLACK, linewidth=0.4, alpha=0.6)
        style = {"va": "center", "fontsize": 8, "annotation_clip": False}
        for x, shift, side in ((0, -4, "right"), (end, 4, "left")):
            at = (x, (place + end) / 2)
            label(axes, family_name(family), at, (shift, 0), ha=side, **style)
        place = end


def _key(figure: Figure) -> None:
    """Draw the shades from −1 to 1 in the empty corner."""
    shades = [*APART[::-1], "white", *TOGETHER]
    axes = figure.add_axes((0.55, 0.86, 0.42, 0.035))
    axes.bar(np.arange(len(shades)), 1, width=1, color=shades, edgecolor="#888888", linewidth=0.3)
    bounds = [*(-level for level in LEVELS[::-1]), *LEVELS]
    labels = [f"{bound:.1f}".replace("-", "−") for bound in bounds]
    axes.set_xticks(np.arange(len(bounds)) + 0.5, labels)
    axes.set(xlim=(-0.5, len(shades) - 0.5), yticks=[], title="rank correlation")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
