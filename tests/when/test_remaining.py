"""What the rest of training brings, of trajectories whose chances are known."""

from dataclasses import replace

import numpy as np
import pytest
from made_up_histories import made_up_study

from memorization.evaluation.bootstrap import Bootstrap
from memorization.when.landmarks import remaining


@pytest.fixture(scope="module")
def study():
    return made_up_study(600, 0)[0]


@pytest.fixture(scope="module")
def found(study):
    bootstrap = Bootstrap.of(study.cluster, 50, 0.95, np.random.default_rng(1))
    return remaining(study, bootstrap)


def test_what_is_expected_is_what_happens(study, found):
    assert list(found) == [str(percent) for percent in range(10, 100, 10)]
    states = study.histories.memorized
    for percent, of in found.items():
        share, kept = of["share"], of["kept"]
        at = int(percent) * 30 // 100 - 1
        rest = np.average(states[:, at + 1 :].mean(axis=1), weights=study.weight)
        assert share["observed"]["value"] == pytest.approx(rest)
        assert share["expected"] == pytest.approx(rest, abs=0.06)
        assert kept["n"] == states[:, at].sum()
    # More is known of the rest of training than that all stays as it is.
    assert found["50"]["share"]["skill_over_now"]["low"] > 0
    assert found["90"]["kept"]["expected"] == pytest.approx(
        found["90"]["kept"]["observed"]["value"], abs=0.15
    )


def test_few_looks_or_unknown_exposures_tell_nothing(study):
    bootstrap = Bootstrap.of(study.cluster, 50, 0.95, np.random.default_rng(1))
    unseen = replace(study, histories=study.histories.unseen())
    assert remaining(unseen, bootstrap) is None
    few = made_up_study(60, 0, c=7)[0]
    assert remaining(few, Bootstrap.of(few.cluster, 50, 0.95, np.random.default_rng(1))) is None
