"""The risk of anybody's texts: ``memorization score``.

A text alone is scored by a model that was fitted to labels of a real language model (`model`), how
often it occurs in one's own training data by what an experiment found of copies (`dose`).
"""

from pathlib import Path

# The text model that ships with the repository, fitted to labels of Pythia by examples/mempi.py.
SHIPPED = Path("results/models/portable/pythia")
