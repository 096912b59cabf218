"""What is studied: the rows, what is known of them, and what became of them.

Every analysis takes a `Study`.
"""

from memorization.study.histories import Histories
from memorization.study.study import Study, read_features, read_followed
from memorization.study.targets import Targets

__all__ = ["Histories", "Study", "Targets", "read_features", "read_followed"]
