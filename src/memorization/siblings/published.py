"""What Biderman et al. (2023) report of predictors of Pythia-12B, to compare with.

"Emergent and predictable memorization in large language models", NeurIPS 2023, arXiv:2304.11158,
the tables of precision and recall by smaller model and by partially trained checkpoint.

Both tables are about the models trained on the Pile as it is (``duped``) and about the sequences
that every evaluated checkpoint had been trained on: ``index < 23000 · 1024``, of which Pythia-12B
has memorized 364,029, 1.55 % and not the 1.63 % of the whole population (recomputed from the graphs
in github.com/EleutherAI/pythia, predictable-memorization/, where mem_graph.py sets the range). They
are to be compared with metrics over this range (`published_metrics`, ``evaluated``).
"""

from __future__ import annotations

TARGET = "12b"
CITATION = "Biderman et al. 2023"
LAST_STEP = 143_000

# Predictor -> (precision, recall).
SMALLER_MODELS = {
    "70m": (0.956, 0.197),
    "160m": (0.948, 0.289),
    "410m": (0.940, 0.401),
    "1b": (0.931, 0.512),
    "1.4b": (0.926, 0.554),
    "2.8b": (0.909, 0.658),
    "6.9b": (0.884, 0.795),
}

# Step of its own checkpoint -> (precision, recall). The paper calls them by millions of sequences:
# 23M, 44M, 65M, 85M, 105M, 126M = step · 1024.
CHECKPOINTS = {
    23_000: (0.918, 0.500),
    43_000: (0.915, 0.575),
    63_000: (0.913, 0.641),
    83_000: (0.911, 0.711),
    103_000: (0.916, 0.809),
    123_000: (0.943, 0.916),
}
