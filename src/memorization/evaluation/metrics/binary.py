"""The metrics of a yes-or-no question, by the name under which they are reported.

To add one, write ``metric(truth, score, weight)`` in a file of its own and name it here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from memorization.evaluation.metrics.decision import accuracy, f1, precision, recall
from memorization.evaluation.metrics.probability import (
    brier,
    calibration_slope,
    log_loss,
    observed_to_expected,
)
from memorization.evaluation.metrics.ranking import auroc, average_precision

Metric = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]

# Of a probability ...
PROBABILITY_METRICS: dict[str, Metric] = {
    "auroc": auroc,
    "average_precision": average_precision,
    "brier": brier,
    "calibration_slope": calibration_slope,
    "log_loss": log_loss,
    "observed_to_expected": observed_to_expected,
}

# ... and of the decision at a threshold chosen on other rows.
DECISION_METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "f1": f1,
    "precision": precision,
    "recall": recall,
}
