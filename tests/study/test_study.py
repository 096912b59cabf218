from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_up_study import make_study, survival_study

from memorization.errors import UserError
from memorization.study import Study


def test_join_brings_tables_into_order():
    index = np.array([4, 7, 9])
    sequences = pd.DataFrame(
        {
            "index": index,
            "weight": [1.0, 2.0, 3.0],
            "followed": [True, True, False],
            "when_weight": [4.0, 5.0, None],
        }
    )
    features = pd.DataFrame({"index": [9, 4, 7], "a.x": [0.9, 0.4, 0.7]})
    labels = pd.DataFrame({"index": [7, 9, 4], "memorized": [True, False, False]})
    splits = pd.DataFrame({"index": [7, 4, 9], "cluster": [1, 0, 2], "fold": [1, 0, 0]})
    study = Study.join(sequences, splits, labels, features, 3)
    assert study.index.tolist() == index.tolist()
    assert study.features.to_dict("list") == {"a.x": [0.4, 0.7, 0.9]}
    assert study.truth.tolist() == [False, True, False]
    assert study.weight.tolist() == [1, 2, 3]
    assert (study.cluster.tolist(), study.fold.tolist()) == ([0, 1, 2], [0, 1, 0])
    assert study.seed == 3
    assert Study.join(sequences, splits, labels).features.shape == (3, 0)
    for name, given in (
        ("labels", (splits, labels[:2], features)),
        ("splits", (splits[1:], labels, features)),
        ("features", (splits, labels, features.replace({"index": {9: 8}}))),
    ):
        with pytest.raises(UserError, match=f"results/{name}.parquet: not about the sequences"):
            Study.join(sequences, *given)


def test_tiers_are_cumulative_and_those_that_add_nothing_are_left_out():
    columns = ["surprisal.mean", "repetition.longest_run", "duplication.sequence_count"]
    study, _ = survival_study(20, seed=0)
    assert study.only(columns).tiers == {
        "text": ("repetition.longest_run",),
        "corpus": ("repetition.longest_run", "duplication.sequence_count"),
        "reference": tuple(columns),
    }
    assert list(study.only(["surprisal.mean"]).tiers) == ["reference"]
    assert study.only([]).tiers == {}


@pytest.mark.parametrize("rows", [np.arange(20) % 3 == 1, np.array([7, 2, 11])])
def test_rows_stay_together(rows):
    study, _ = survival_study(20, seed=0)
    study = replace(study, targets=replace(study.times, first_evaluation=np.arange(20) // 2 + 1))
    part = study.take(rows)
    assert len(part) == len(study.index[rows])
    for name in ("index", "truth", "weight", "fold", "cluster"):
        np.testing.assert_array_equal(getattr(part, name), getattr(study, name)[rows])
    for name in ("time", "event", "first_evaluation", "left_censored"):
        expected = getattr(study.times, name)[rows]
        np.testing.assert_array_equal(getattr(part.times, name), expected)
    assert (part.features.to_numpy() == study.features.to_numpy()[rows]).all()


def test_another_split_becomes_the_folds():
    study = make_study(truth=np.arange(6) < 2, fold_random=np.arange(6) % 2)
    assert study.refolded("fold_random").fold.tolist() == [0, 1] * 3
    assert study.fold.tolist() == [0, 1, 2, 3, 0, 1]


def test_what_cannot_be_asked():
    for truth in (np.zeros(6), np.ones(6)):
        with pytest.raises(UserError, match=r"of 6 sampled sequences are memorized; there is noth"):
            make_study(truth=truth).require_both_classes()
    with pytest.raises(ValueError, match="a study of whether"):
        make_study(truth=np.arange(6) < 2).times  # noqa: B018
