"""Metrics: pure, weighted to the population, and vectorised over replicates of the weights.

Every metric is a function ``metric(truth, score, weight) -> values``; the last axis of ``weight``
runs over the n rows of the sample, and its leading axes, if any, are those of the result. A
cluster bootstrap is then one call with the weights of all replicates (see
`memorization.evaluation.bootstrap`). A metric that is undefined, as recall is without positives, is
NaN and never an error.
"""
