"""The models under study: at which checkpoints, trained on which data, and what each memorized.

``micro`` trains a suite here, ``pythia`` fetches what was published; `read_suite` in ``read`` reads
what either left on disk.
"""

from memorization.suite.suite import Suite

__all__ = ["Suite"]
