"""The models under study: at which checkpoints, trained on which data, and what each memorized.

``micro`` trains a suite here; ``Suite`` reads what a suite left on disk, whoever trained it.
"""

from memorization.suite.suite import Suite

__all__ = ["Suite"]
