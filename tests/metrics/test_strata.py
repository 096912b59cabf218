import numpy as np

from memorization.metrics.strata import STRATA, duplicate_stratum


def test_strata_are_those_of_the_counts():
    counts = np.array([0, 1, 2, 4, 5, 19, 20, 99, 100, 5000])
    assert duplicate_stratum(counts).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_a_name_says_which_counts_it_holds():
    for position, name in enumerate(STRATA):
        bounds = [int(part) for part in name.rstrip("+").split("-")]
        assert (duplicate_stratum(np.array(bounds)) == position).all()
        if not name.endswith("+"):
            assert duplicate_stratum(np.array([bounds[-1] + 1]))[0] == position + 1
