import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from memorization.evaluation.bootstrap import cluster_multiplicities, replicated
from memorization.evaluation.gains import gains
from memorization.evaluation.metrics.ranking import auroc, average_precision


def test_gains_are_over_every_baseline_and_the_tier_below():
    rng = np.random.default_rng(0)
    truth, weight = rng.random(400) < 0.3, rng.random(400) + 0.5
    probability = 0.2 * truth + rng.normal(0, 0.15, size=400)
    drawn = cluster_multiplicities(rng.integers(0, 200, size=400), 300, rng)
    scored = {
        ("text", "constant"): np.zeros(400),
        ("text", "m"): probability,
        ("corpus", "m"): np.where(truth, probability + 0.1, probability),
        ("corpus", "other"): probability,
        ("sibling", "m"): np.where(truth, probability + 0.1, probability),
    }
    metrics = {"auroc": auroc, "average_precision": average_precision}
    ranked = {
        key: {name: replicated(m, truth, p, weight, drawn) for name, m in metrics.items()}
        for key, p in scored.items()
    }
    found = gains(ranked, {"constant"}, 0.95)
    assert set(found["over_baseline"]) == {"text", "corpus", "sibling"}
    assert set(found["over_baseline"]["corpus"]["other"]) == {"constant"}
    own = found["over_baseline"]["text"]["m"]["constant"]["average_precision"]
    expected = average_precision_score(truth, probability, sample_weight=weight)
    assert own["value"] == pytest.approx(expected - np.average(truth, weights=weight))
    assert 0 < own["low"] < own["value"] < own["high"]
    # A model that was not fitted at the tier below has nothing to be compared with.
    assert {t: set(m) for t, m in found["over_tier_below"].items()} == {
        "corpus": {"m"},
        "sibling": {"m"},
    }
    step = found["over_tier_below"]["corpus"]["m"]["auroc"]
    assert step["low"] > 0
    nothing = found["over_tier_below"]["sibling"]["m"]["auroc"]
    assert nothing == {"value": 0.0, "low": 0.0, "high": 0.0}
