import numpy as np

from memorization.evaluation.metrics.sums import GroupSums


def test_agrees_with_bincount():
    rng = np.random.default_rng(0)
    rows, group = rng.permutation(50)[:30], rng.integers(0, 12, 30)
    weight = rng.random((4, 50))
    found = GroupSums.of(rows, group, 12)(weight)
    expected = [np.bincount(group, own[rows], 12) for own in weight]
    np.testing.assert_allclose(found, expected)


def test_no_rows_have_no_weight():
    none = np.zeros(0, dtype=np.int64)
    assert GroupSums.of(none, none, 3)(np.ones((2, 5))).tolist() == [[0, 0, 0], [0, 0, 0]]
