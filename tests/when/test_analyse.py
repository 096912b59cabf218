from dataclasses import replace

import numpy as np
import pytest
from made_up_study import from_the_start, make_study

from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.crossfit import cross_fit
from memorization.tables import WHEN, curves_matrix
from memorization.when.analyse import GAINED, analyse, not_done, planned
from memorization.when.models import MODELS

SOURCE = {"source": "scan", "reason": "the checkpoints are on disk"}


def of(*names):
    return {name: MODELS[name] for name in names}


@pytest.fixture(scope="module")
def bootstrap(study):
    return Bootstrap.of(study.cluster, 20, 0.9, np.random.default_rng(0))


def test_predictions_and_scores_are_those_of_the_cross_fit(study, bootstrap):
    models, steps = of("kaplan_meier", "kaplan_meier_strata", "logistic"), []
    runs, _ = planned(study, models)
    found = analyse(study, models, bootstrap, steps.append)
    table = WHEN.validate(found.predictions)
    assert (len(table), sum(steps)) == (5 * len(study), 5)
    assert list(found.fitted) == [run.key for run in runs]
    for run in runs:
        own = table[(table["tier"] == run.tier) & (table["model"] == run.name)]
        assert own["index"].tolist() == study.index.tolist()
        assert own["fold"].tolist() == study.fold.tolist()
        expected = cross_fit(run, study).prediction
        np.testing.assert_array_equal(curves_matrix(own["survival"]), expected[:, 0])
        np.testing.assert_array_equal(curves_matrix(own["memorized"]), expected[:, 1])
    metrics = found.metrics
    assert metrics["left_out"] == {}
    assert metrics["text"]["kaplan_meier"]["brier_skill"]["value"] == 0
    gained = metrics["gains"]["over_baseline"]["corpus"]["logistic"]["kaplan_meier_strata"]
    assert set(gained) == set(GAINED)
    values = [
        metrics["corpus"][name]["concordance"] for name in ("logistic", "kaplan_meier_strata")
    ]
    assert gained["concordance"]["value"] == pytest.approx(values[0]["value"] - values[1]["value"])
    best = metrics["gains"]["over_best_baseline"]["corpus"]["logistic"]["concordance"]
    assert best == {"baseline": "kaplan_meier_strata"} | gained["concordance"]


def test_bands_are_scored_as_studies_of_their_own(study, bootstrap):
    models = of("kaplan_meier", "kaplan_meier_strata", "count", "forest")
    metrics = analyse(study, models, bootstrap).metrics
    assert set(metrics["bands"]) == {"1", "2-4", "5-19"}
    count = study.features["duplication.sequence_count"]
    for band, (low, high) in {"1": (1, 1), "2-4": (2, 4)}.items():
        rows = ((count >= low) & (count <= high)).to_numpy()
        found = metrics["bands"][band]
        assert (found["n"], found["n_events"]) == (rows.sum(), study.times.event[rows].sum())
        assert 1 < found["effective_events"] <= found["n_events"]
        strata = found["scores"]["corpus"]["kaplan_meier_strata"]
        # Within a stratum its own curve is the reference, and ranks nothing.
        assert strata["brier_skill"]["value"] == 0
        assert strata["concordance"]["value"] == pytest.approx(0.5)
        gained = found["over_best_baseline"]["corpus"]["forest"]
        best = max(
            found["scores"][tier][name]["concordance"]["value"]
            for tier, names in found["scores"].items()
            for name in names
            if models[name].is_baseline
        )
        own = found["scores"]["corpus"]["forest"]["concordance"]["value"]
        assert gained["concordance"]["value"] == pytest.approx(own - best)


def test_a_model_is_the_same_whatever_else_runs(study, bootstrap):
    """But for its skill, which needs the marginal curve."""
    study = study.only(["repetition.longest_run"])
    both = analyse(study, of("kaplan_meier", "forest"), bootstrap)
    alone = analyse(study, of("forest"), bootstrap)
    own = both.predictions[both.predictions["model"] == "forest"].reset_index(drop=True)
    assert own.equals(alone.predictions)
    skill = {"brier_skill": both.metrics["text"]["forest"]["brier_skill"]}
    assert both.metrics["text"]["forest"] == alone.metrics["text"]["forest"] | skill
    # And without what any model needs there are no predictions.
    nothing = analyse(study, of("kaplan_meier_strata"), bootstrap)
    assert len(WHEN.validate(nothing.predictions)) == 0
    assert nothing.metrics["left_out"] == {
        "kaplan_meier_strata": "the feature 'duplication.continuation_count'"
    }


def test_what_cannot_be_asked_is_explained(study):
    assert not_done(SOURCE, study) is None
    assert not_done({"source": "none", "reason": "there is no GPU"}, study) == "there is no GPU"
    one = make_study(targets=from_the_start(np.ones(40, np.int64), np.ones(40, bool), 1))
    assert not_done(SOURCE, one).startswith("one checkpoint alone was evaluated")
    # Fifteen events, six of them in fold 2, none in fold 0.
    event = np.zeros(len(study), bool)
    event[np.flatnonzero(study.fold == 2)[:6]] = event[np.flatnonzero(study.fold == 1)[:9]] = True
    few = replace(study, targets=replace(study.times, event=event))
    reason = not_done(SOURCE, few)
    assert reason.startswith("only 15 of the sequences studied have the event, 6 outside fold 1")
