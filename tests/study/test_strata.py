import numpy as np
import pytest

from memorization.errors import UserError
from memorization.strata import CONTINUATIONS, DUPLICATES, STRATA, finest_count, stratum_of


def test_strata_are_those_of_the_counts():
    counts = np.array([0, 1, 2, 4, 5, 19, 20, 49, 50, 99, 100, 5000])
    assert stratum_of(counts).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    with pytest.raises(UserError, match="1 of 3 sequences have no count"):
        stratum_of(np.array([1.0, np.nan, 100.0]))


def test_a_name_says_which_counts_it_holds():
    for position, name in enumerate(STRATA):
        bounds = [int(part) for part in name.rstrip("+").split("-")]
        assert (stratum_of(np.array(bounds)) == position).all()
        if not name.endswith("+"):
            assert stratum_of(np.array([bounds[-1] + 1]))[0] == position + 1


def test_the_continuation_is_counted_before_the_sequence():
    assert finest_count(["a.b", DUPLICATES]) == DUPLICATES
    assert finest_count([DUPLICATES, "a.b", CONTINUATIONS]) == CONTINUATIONS
    assert finest_count([]) is None
