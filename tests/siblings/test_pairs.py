import numpy as np
import pytest
from sklearn import metrics as theirs

from memorization.siblings.analyse import pair_metrics, pretraining_compute, tokens_seen
from memorization.siblings.published import CHECKPOINTS, LAST_STEP, SMALLER_MODELS
from memorization.suite.micro.suite import MicroSuite
from memorization.suite.pythia.suite import PythiaSuite

SIZES = {"tiny": 10, "small": 50, "twin": 50, "large": 400}


def test_every_pair_is_counted_as_rows_are():
    rng = np.random.default_rng(0)
    shares = dict(zip(SIZES, (0.01, 0.02, 0.03, 0.05), strict=True))
    flags = {name: rng.random(2000) < share for name, share in shares.items()}
    memorized = {name: rng.permutation(np.flatnonzero(flag)) for name, flag in flags.items()}
    found = pair_metrics(SIZES, memorized, 2000)
    # Only a smaller one predicts a larger one: not itself, and not its twin.
    assert {target: list(pairs) for target, pairs in found.items()} == {
        "small": ["tiny"],
        "twin": ["tiny"],
        "large": ["tiny", "small", "twin"],
    }
    for target, pairs in found.items():
        for predictor, scores in pairs.items():
            truth, said = flags[target], flags[predictor]
            (tn, fp), (fn, tp) = theirs.confusion_matrix(truth, said)
            names = ("accuracy", "f1", "precision", "recall")
            expected = {name: getattr(theirs, f"{name}_score")(truth, said) for name in names}
            expected |= {"true_positive": tp, "false_positive": fp}
            expected |= {"false_negative": fn, "true_negative": tn}
            assert scores == pytest.approx(expected)


def test_a_predictor_that_memorized_nothing_has_no_precision():
    memorized = {"a": np.array([], int), "b": np.array([3])}
    scores = pair_metrics({"a": 1, "b": 2}, memorized, 9)["b"]["a"]
    assert np.isnan(scores["precision"])
    assert (scores["recall"], scores["f1"], scores["true_negative"]) == (0, 0, 8)
    assert pair_metrics({"only": 1}, {"only": np.array([3])}, 9) == {}


def test_compute_is_what_is_published_of_pythia_and_of_whole_windows_else():
    """143,000 steps of 2,097,152 tokens: 299,892,736,000 (README of EleutherAI/pythia)."""
    manifest = {"window": 2049, "sequences_per_step": 1024}
    tokens = tokens_seen(PythiaSuite(None, {"suite": "pythia"} | manifest), LAST_STEP)
    assert tokens == 299_892_736_000
    assert pretraining_compute(70_426_624, tokens) == pytest.approx(1.267e20, rel=1e-3)
    manifest = {"suite": "micro", "window": 128, "sequences_per_step": 16}
    assert tokens_seen(MicroSuite(None, manifest), 2288) == 36_608 * 128


def test_published_figures_are_of_models_from_small_to_large():
    """Recall grows with the predictor; precision of smaller models falls."""
    precision, recall = np.array(list(SMALLER_MODELS.values())).T
    assert (np.diff(recall) > 0).all()
    assert (np.diff(precision) < 0).all()
    _, recall = np.array(list(CHECKPOINTS.values())).T
    assert (np.diff(recall) > 0).all()
    # The paper names them by millions of sequences.
    millions = [23, 44, 65, 85, 105, 126]
    for step, name in zip(CHECKPOINTS, millions, strict=True):
        assert step * 1024 / 1e6 == pytest.approx(name, abs=0.6)
