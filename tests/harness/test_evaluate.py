import json

import numpy as np
import pytest
from miniature_study import MEMORIZED, MODELS, POPULATION, TARGET
from sklearn import metrics as theirs

from memorization.errors import UserError
from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.intervals import interval
from memorization.harness import (
    Intervals,
    Predictions,
    Sample,
    evaluate_predictions,
    evaluate_predictor,
)
from memorization.randomness import generator

TRUTH = np.isin(np.arange(POPULATION), MEMORIZED[TARGET])
FEW = Intervals(replicates=40)


@pytest.fixture(scope="module")
def scores():
    rng = np.random.default_rng(3)
    return np.round(rng.random(POPULATION) + 0.4 * TRUTH, 2)


@pytest.fixture(scope="module")
def sampled(study):
    return Sample.read(study)


def values(evaluation):
    return {name: found["value"] for name, found in evaluation.metrics.items()}


DECIDED = {
    "accuracy": theirs.accuracy_score,
    "f1": theirs.f1_score,
    "precision": theirs.precision_score,
    "recall": theirs.recall_score,
}
RANKED = {"auroc": theirs.roc_auc_score, "average_precision": theirs.average_precision_score}


def scikit_learn(truth, decision, weight=None, score=None):
    decided = {name: f(truth, decision, sample_weight=weight) for name, f in DECIDED.items()}
    if score is None:
        return decided
    return decided | {name: f(truth, score, sample_weight=weight) for name, f in RANKED.items()}


def best_threshold(truth, score, weight):
    """Return the score of highest weighted F1, by trying all; of equal ones the highest."""
    candidates = np.unique(score)[::-1]
    f1 = [theirs.f1_score(truth, score >= t, sample_weight=weight) for t in candidates]
    return candidates[np.argmax(np.round(f1, 12))]


def test_a_decision_on_all(suite):
    evaluation = evaluate_predictor(lambda index: index % 10 == 5, suite, TARGET)
    decision = np.arange(POPULATION) % 10 == 5
    assert values(evaluation) == pytest.approx(scikit_learn(TRUTH, decision))
    (tn, fp), (fn, tp) = theirs.confusion_matrix(TRUTH, decision).tolist()
    assert list(evaluation.outcomes.values()) == [tp, fp, fn, tn]
    assert evaluation.evaluated_on == "population"
    assert evaluation.thresholds == ()
    assert all(found["low"] is None for found in evaluation.metrics.values())


def test_a_score_on_all_with_a_threshold_from_other_folds(suite, scores):
    evaluation = evaluate_predictor(lambda index: scores[index], suite, TARGET)
    fold = np.arange(POPULATION) % 5
    decision, chosen = np.empty(POPULATION, bool), set()
    for test in range(5):
        threshold = best_threshold(TRUTH[fold != test], scores[fold != test], None)
        decision[fold == test] = scores[fold == test] >= threshold
        chosen.add(threshold)
    assert values(evaluation) == pytest.approx(scikit_learn(TRUTH, decision, score=scores))
    assert evaluation.thresholds == tuple(sorted(chosen))


@pytest.mark.parametrize("threshold", [0.8, 0.805, -5.0])
def test_a_given_threshold(suite, sampled, scores, threshold):
    evaluation = evaluate_predictor(lambda i: scores[i], suite, TARGET, threshold=threshold)
    expected = scikit_learn(TRUTH, scores >= threshold, score=scores)
    assert values(evaluation) == pytest.approx(expected)
    assert evaluation.thresholds == (threshold,)
    rows = sampled.index
    for target, index in MEMORIZED.items():
        # Of another target than the sample was drawn for, too: the weights know how many it has.
        truth = np.isin(rows, index)
        if not truth.any():
            continue
        on_sample = evaluate_predictor(
            lambda i: scores[i], suite, target, threshold=threshold, sample=sampled, intervals=FEW
        )
        weight = sampled.weights_for(truth, POPULATION, len(index))
        expected = scikit_learn(truth, scores[rows] >= threshold, weight, scores[rows])
        assert values(on_sample) == pytest.approx(expected)
        assert on_sample.memorized == len(index)


def test_a_sample_with_thresholds_of_its_folds(suite, sampled, scores):
    evaluation = evaluate_predictor(
        lambda i: scores[i], suite, TARGET, sample=sampled, intervals=FEW
    )
    truth, score, weight = TRUTH[sampled.index], scores[sampled.index], sampled.weight
    decision = np.empty(len(truth), bool)
    for test in range(4):
        rest = sampled.fold != test
        decision[~rest] = score[~rest] >= best_threshold(truth[rest], score[rest], weight[rest])
    assert values(evaluation) == pytest.approx(scikit_learn(truth, decision, weight, score))
    assert evaluation.evaluated_on == "sample"
    assert evaluation.sequences == len(truth)
    assert sum(evaluation.outcomes.values()) == pytest.approx(POPULATION)


def test_intervals_are_those_of_resampled_clusters(suite, sampled, scores):
    evaluation = evaluate_predictor(
        lambda i: scores[i],
        suite,
        TARGET,
        sample=sampled,
        threshold=0.8,
        intervals=Intervals(replicates=30, level=0.8, seed=5),
    )
    truth, score = TRUTH[sampled.index], scores[sampled.index]
    bootstrap = Bootstrap.of(sampled.cluster, 30, 0.8, generator(5, "harness"))
    effective = bootstrap.effective(sampled.weight, truth)
    slow = [
        scikit_learn(truth, score >= 0.8, sampled.weight * times, score)
        for times in bootstrap.multiplicities
    ]
    for name, found in evaluation.metrics.items():
        replicates = np.array([one[name] for one in slow])
        low, high = interval(found["value"], replicates, effective, 0.8)
        assert (found["low"], found["high"]) == pytest.approx((float(low), float(high)))
        assert low < high


def test_a_model_that_memorized_nothing(suite, scores):
    evaluation = evaluate_predictor(lambda i: scores[i], suite, "micro-a")
    assert values(evaluation) == {"accuracy": 1.0} | dict.fromkeys(
        ("f1", "precision", "recall", *RANKED)
    )
    assert "nan" not in str(evaluation)


def test_a_table_of_all_is_exact_and_a_table_of_the_sample_is_weighted(suite, sampled, scores):
    everything = Predictions(np.arange(POPULATION), scores)
    assert evaluate_predictions(everything, suite, TARGET, sample=sampled) == evaluate_predictor(
        lambda i: scores[i], suite, TARGET
    )
    # More than the sample and less than all: the rest is of no use.
    index = np.union1d(sampled.index, np.arange(0, POPULATION, 3))
    some = Predictions(index, scores[index])
    assert evaluate_predictions(
        some, suite, TARGET, sample=sampled, intervals=FEW
    ) == evaluate_predictor(lambda i: scores[i], suite, TARGET, sample=sampled, intervals=FEW)


def test_a_list_of_positives_must_be_called_one(suite, sampled):
    said = Predictions(np.array([5, 15, 16, 210]), np.ones(4, bool))
    with pytest.raises(UserError, match="--unlisted") as caught:
        evaluate_predictions(said, suite, TARGET, sample=sampled)
    missing = np.setdiff1d(sampled.index, said.index)
    assert f"lack {len(missing)} of the 100" in str(caught.value)
    assert f"first: index {missing[0]}" in str(caught.value)
    evaluation = evaluate_predictions(said, suite, TARGET, sample=sampled, unlisted="negative")
    assert evaluation.evaluated_on == "population"
    assert values(evaluation) == pytest.approx(
        scikit_learn(TRUTH, np.isin(np.arange(POPULATION), said.index))
    )


def test_a_ranking_of_the_listed_only(suite, scores):
    listed = np.flatnonzero(scores > 0.6)
    few = Predictions(listed, scores[listed])
    found = values(evaluate_predictions(few, suite, TARGET, unlisted="negative"))
    ranked = np.where(scores > 0.6, scores, -9.0)
    assert {name: found[name] for name in RANKED} == pytest.approx(
        {name: f(TRUTH, ranked) for name, f in RANKED.items()}
    )


def test_what_is_not_listed_is_never_predicted_to_be_memorized(suite, scores):
    """Though a list that tells nothing has its highest F1 where all are: with scores as well."""
    listed = np.flatnonzero(~TRUTH)[:7]
    few = Predictions(listed, scores[listed])
    found = evaluate_predictions(few, suite, TARGET, unlisted="negative").outcomes
    assert found["true_positive"] == 0
    assert found["false_positive"] <= 7
    assert found["false_negative"] == TRUTH.sum()


def test_estimates_of_the_sample_are_unbiased(suite, sampled, scores):
    """Over many samples of this design, the estimated outcomes are right on average."""
    rng, rows = np.random.default_rng(0), []
    positive, others = np.flatnonzero(TRUTH), np.flatnonzero(~TRUTH)
    for _ in range(300):
        index = np.sort(
            np.r_[rng.choice(positive, 20, replace=False), rng.choice(others, 80, replace=False)]
        )
        weight = np.where(TRUTH[index], len(positive) / 20, len(others) / 80)
        drawn = Sample(index, weight, index % 5)
        found = evaluate_predictor(lambda i: scores[i] > 0.9, suite, TARGET, sample=drawn)
        rows.append(list(found.outcomes.values()))
    exact = evaluate_predictor(lambda i: scores[i] > 0.9, suite, TARGET)
    error = np.std(rows, axis=0) / np.sqrt(len(rows))
    assert (np.abs(np.mean(rows, axis=0) - list(exact.outcomes.values())) < 4 * error).all()


def test_mistakes(suite):
    with pytest.raises(UserError, match=f"the suite has {', '.join(MODELS)}"):
        evaluate_predictor(lambda i: i > 3, suite, "12b")
    with pytest.raises(UserError, match="true or false already"):
        evaluate_predictor(lambda i: i > 3, suite, TARGET, threshold=0.5)
    with pytest.raises(UserError, match="no sample of a study"):
        evaluate_predictions(Predictions(np.array([1]), np.array([1.0])), suite, TARGET)


def test_text_and_file_say_the_same(suite, sampled, scores, tmp_path):
    evaluation = evaluate_predictor(
        lambda i: scores[i], suite, TARGET, sample=sampled, intervals=FEW
    )
    evaluation.write(tmp_path / "metrics.json")
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert written["target"] == TARGET
    assert written["evaluated_on"] == "sample"
    assert written["level"] == 0.95
    text = str(evaluation)
    for name, label in (("auroc", "AUROC"), ("recall", "recall"), ("f1", "F1")):
        (line,) = [line for line in text.splitlines() if line.startswith(label)]
        found = written["metrics"][name]
        assert [round(found[key], 3) for key in ("value", "low", "high")] == [
            float(number) for number in line.split(label)[1].replace("–", " ").split()
        ]


def test_a_census_is_no_sample(suite):
    everyone = np.arange(POPULATION)
    census = Sample(everyone, np.ones(POPULATION), fold=everyone % 5, cluster=everyone)
    text = str(
        evaluate_predictor(lambda i: i % 10 == 5, suite, TARGET, sample=census, intervals=FEW)
    )
    assert "asked of all of them: exact\n" in text
    assert "95% interval" in text
    assert "sample" not in text
    assert "estimates" not in text
