"""The models under study: at which checkpoints, trained on which data, and what each memorized.

``micro`` trains a suite here; `read_suite` in ``read`` reads a suite from disk, whoever trained it.
"""

from memorization.suite.suite import Suite

__all__ = ["Suite"]
