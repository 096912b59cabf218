"""A harness for anybody's predictor of memorization: ``index -> bool`` or ``index -> score``.

::

    from memorization.harness import Sample, evaluate_predictor
    from memorization.suite.read import read_suite

    suite = read_suite("results/suite")
    print(evaluate_predictor(lambda index: index % 7 == 0, suite, "micro-1100k"))

``index`` is a sequence's position in training order; ``suite.tokens(index)`` are its 64 tokens. A
table of predictions is scored by `evaluate_predictions`, or ``memorization evaluate TABLE``.
"""

from memorization.harness.evaluate import Intervals, evaluate_predictions, evaluate_predictor
from memorization.harness.predictions import Predictions, read_predictions
from memorization.harness.sample import Sample

__all__ = [
    "Intervals",
    "Predictions",
    "Sample",
    "evaluate_predictions",
    "evaluate_predictor",
    "read_predictions",
]
