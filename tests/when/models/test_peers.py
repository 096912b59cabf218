"""The peers against lifelines, called directly, and the rule of accumulation against its truth."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from lifelines import LogLogisticAFTFitter
from made_up_histories import made_up_study
from scipy.special import expit

from memorization.errors import UserError
from memorization.intensities.clock import EXPOSURE, clock
from memorization.when.models import parsimonious
from memorization.when.models.accumulation import Accumulation, effective_exposures
from memorization.when.models.aft import AFT
from memorization.when.models.cox import Cox

RNG = np.random.default_rng(0)


def counted(study):
    return study.only(["duplication.sequence_count"])


def test_cox_maximises_the_partial_likelihood(study):
    """Efron's, weighted, with the penalty: written out, its gradient vanishes at the estimate."""
    own = replace(counted(study), weight=np.ones(len(study)))
    model = Cox.train(own, RNG)
    text = model.covariates.transform(own.features)
    moving = clock(own.histories)
    z = np.concatenate(
        [
            np.repeat(text[:, None], 12, axis=1),
            np.stack([moving[name] for name in EXPOSURE], axis=2),
        ],
        axis=2,
    )
    time, event = own.times.time, own.times.event

    def likelihood(beta):
        total = 0.0
        for at in range(1, 13):
            eta = z[:, at - 1] @ beta
            risk, dead = time >= at, event & (time == at)
            every, tied = np.exp(eta[risk]).sum(), np.exp(eta[dead]).sum()
            d = int(dead.sum())
            total += eta[dead].sum() - np.log(every - np.arange(d) / max(d, 1) * tied).sum()
        return total

    # lifelines penalises n times half the squares of coefficients by the mean log-likelihood.
    best = likelihood(model.coefficients)
    for place in range(len(model.coefficients)):
        for size in (-0.3, 0.3):
            moved = model.coefficients.copy()
            moved[place] += size
            assert likelihood(moved) < best + 0.05
    survival = model.forecast(own).survival
    hazard = model.baseline * np.exp(z @ model.coefficients)
    np.testing.assert_allclose(survival, np.exp(-np.cumsum(hazard, axis=1)))


@pytest.mark.filterwarnings("ignore:It appears your weights")
def test_aft_agrees_with_lifelines(study):
    own = counted(study)
    model = AFT.train(own, RNG)
    raw = np.log1p(own.features.to_numpy()[:, 0])
    mean = np.average(raw, weights=own.weight)
    scale = np.sqrt(np.average((raw - mean) ** 2, weights=own.weight))
    parts = np.r_[1e-6, own.steps / own.steps[-1]]
    event, time = own.times.event, own.times.time
    frame = pd.DataFrame({"x0": (raw - mean) / scale})
    frame["lower"] = np.where(event, parts[time - 1], 1.0)
    frame["upper"] = np.where(event, parts[time], np.inf)
    frame["weight"] = own.weight / own.weight.mean()
    direct = LogLogisticAFTFitter(penalizer=1 / len(frame))
    direct.fit_interval_censoring(frame, "lower", "upper", weights_col="weight")
    expected = direct.predict_survival_function(frame, times=parts[1:]).to_numpy().T
    np.testing.assert_allclose(model.forecast(own).survival, expected, atol=1e-6)


def test_no_convergence_is_explained(study, monkeypatch):
    monkeypatch.setattr(parsimonious, "PENALTIES", ())
    for model in (Cox, AFT):
        with pytest.raises(UserError, match=r"when\.models: '\w+' does not converge"):
            model.train(counted(study), RNG)


def test_the_rule_of_accumulation_is_recovered():
    study, _ = made_up_study(2000, seed=3)
    truth = Accumulation(threshold=12.0, steepness=3.0, forgetting=5.0)
    effective = effective_exposures(study.histories, truth.forgetting)
    chance = expit(truth.steepness * np.log((effective + 1e-3) / truth.threshold))
    memorized = np.random.default_rng(0).random(chance.shape) < chance
    own = replace(study, histories=replace(study.histories, memorized=memorized))
    found = Accumulation.train(own, RNG)
    assert found.threshold == pytest.approx(truth.threshold, rel=0.05)
    assert found.steepness == pytest.approx(truth.steepness, rel=0.05)
    assert found.forgetting == pytest.approx(truth.forgetting, rel=0.1)
    forecast = found.forecast(own)
    np.testing.assert_allclose(forecast.memorized.mean(axis=0), chance.mean(axis=0), atol=0.02)


def test_effective_exposures_fade():
    study, _ = made_up_study(5, seed=0)
    seen = np.array([[2, 2, 5]])
    histories = replace(study.histories.take(np.arange(1)), seen=seen, steps=np.array([10, 20, 40]))
    found = effective_exposures(histories, forgetting=2.0)
    fade = np.exp(-2.0 * np.array([10, 20]) / 40)
    np.testing.assert_allclose(found, [[2, 2 * fade[0], 2 * fade[0] * fade[1] + 3]])
