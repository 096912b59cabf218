"""Metrics: pure, weighted to the population, and vectorised over replicates of the weights.

A metric is a function ``metric(truth, score, weight) -> values``. Truth is bool [n], memorized or
not; the score float [n], a probability, a decision (bool) or, for a ranking, whatever has an order;
the weight float [..., n], population sequences that a row stands for. Its leading axes, if any, are
those of the result. A cluster bootstrap is then
one call with the weights of all replicates (see `memorization.evaluation.bootstrap`). A metric that
is undefined, as recall is without positives, is NaN and never an error.

To add one, write it in a file of its own and name it here: in `METRICS` if it judges a probability,
in `DECISION_METRICS` if it judges a yes or no; and in `SCALES` if it can be more than 1.
"""

from __future__ import annotations

from memorization.evaluation.intervals import IDENTITY, LOG, Scale
from memorization.evaluation.metrics.decision import accuracy, f1, precision, recall
from memorization.evaluation.metrics.probability import (
    brier,
    calibration_slope,
    log_loss,
    observed_to_expected,
)
from memorization.evaluation.metrics.ranking import auroc, average_precision
from memorization.evaluation.metrics.sums import Metric

METRICS: dict[str, Metric] = {
    "auroc": auroc,
    "average_precision": average_precision,
    "brier": brier,
    "calibration_slope": calibration_slope,
    "log_loss": log_loss,
    "observed_to_expected": observed_to_expected,
}

# Of the decision at a threshold that was chosen on other rows.
DECISION_METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "f1": f1,
    "precision": precision,
    "recall": recall,
}

# On which an interval is symmetric; that of the others, which lie between 0 and 1, is the logit.
SCALES: dict[str, Scale] = {
    "calibration_slope": IDENTITY,
    "log_loss": LOG,
    "observed_to_expected": LOG,
}
