from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from made_up_study import make_study
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.metrics import roc_auc_score

from memorization.whether.models import BASELINES
from memorization.whether.models.ngrams import LENGTH, LONGEST, Bag, NGrams, hashed_counts


def texts(*given):
    found = np.empty(len(given), dtype=object)
    found[:] = given
    return found


@pytest.fixture(scope="module")
def study():
    """Lines of letters; three in four that hold a word are memorized, and hardly any other."""
    rng = np.random.default_rng(0)
    n = 400
    holds = rng.random(n) < 0.3
    lines = rng.integers(97, 123, size=(n, 60)).astype(np.uint8)
    lines[holds, 20:27] = np.frombuffer(b"licence", np.uint8)
    truth = rng.random(n) < np.where(holds, 0.75, 0.03)
    made = make_study(truth=truth, fold=np.arange(n) % 4)
    return replace(made, text=texts(*(line.tobytes() for line in lines))), holds


def test_every_run_of_bytes_is_counted_within_its_text():
    given = [b"abracadabra", b"", b"\0\0\0\0\0", b"aaa\xff", b"a"]
    counts = hashed_counts(texts(*given))
    assert counts.shape[0] == len(given)
    for row, text in enumerate(given):
        runs = Counter(
            text[i : i + k] for k in range(1, LONGEST + 1) for i in range(len(text) - k + 1)
        )
        own = counts.data[counts.indptr[row] : counts.indptr[row + 1]]
        # So few runs meet in no bucket; a text's neighbours, which it is joined to, add none.
        assert sorted(own) == sorted(runs.values())
    same = hashed_counts(texts(b"a", b"ba"))
    assert same.indices[0] in same.indices[1:]


def test_weights_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    counts = hashed_counts(texts(*(rng.integers(97, 100, 30).astype(np.uint8).tobytes()
                                   for _ in range(50)), b""))  # fmt: skip
    bag = Bag.of(counts)
    held = np.bincount(counts.indices, minlength=counts.shape[1])
    assert bag.words.tolist() == np.flatnonzero(held >= 3).tolist()
    own = counts[:, bag.words]
    expected = TfidfTransformer(sublinear_tf=True).fit(own).transform(own)
    np.testing.assert_allclose(bag.weigh(counts).toarray(), LENGTH * expected.toarray())


@pytest.mark.parametrize(("n", "fewest"), [(2, 2), (9, 3), (5_500, 5), (40_000, 20)])
def test_a_word_is_held_by_one_text_in_a_thousand_within_limits(n, fewest):
    # Of n texts, so many hold a word each.
    held = np.unique(np.minimum([1, 2, 3, 4, 5, 6, 19, 20, 21], n))
    rows = np.concatenate([np.arange(k) for k in held])
    counts = csr_array((np.ones(len(rows)), (rows, np.repeat(held, held))), shape=(n, 22))
    assert Bag.of(counts).words.min() == fewest


def test_it_learns_which_runs_matter(study):
    made, holds = study
    new = np.arange(len(made)) % 2 == 1
    fitted = NGrams.train(made.take(~new), seed=0)
    found = fitted.predict(made, new)
    assert roc_auc_score(holds[new], found) > 0.95
    assert ((found >= 0) & (found <= 1)).all()
    again = NGrams.train(made.take(~new), seed=0).predict(made, new)
    np.testing.assert_array_equal(again, found)
    # A text of nothing that was seen is as likely as the others are without it.
    other = replace(made.take(np.arange(2)), text=texts(b"", b"\xff\xfe"))
    assert np.isfinite(fitted.predict(other, np.arange(2))).all()


def test_weights_are_the_populations(study):
    made, holds = study
    heavy = replace(made, weight=np.where(made.truth, 1.0, 20.0))
    found = [NGrams.train(s, seed=0).predict(made, holds).mean() for s in (made, heavy)]
    assert found[1] < 0.5 * found[0]


def test_without_text_nothing_can_be_said():
    assert BASELINES["ngrams"].reads_text
    with pytest.raises(ValueError, match="without text"):
        NGrams.train(make_study(truth=np.arange(20) < 9), seed=0)
