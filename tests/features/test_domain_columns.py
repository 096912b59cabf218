from __future__ import annotations

import numpy as np
import pytest

from memorization.errors import UserError
from memorization.features.domain import one_hot


def test_each_sequence_is_in_its_domain_and_no_other():
    domain = np.array(["law", "code", None, "law"], dtype=object)
    columns = one_hot(domain)
    assert list(columns) == ["code", "law"]
    assert np.array_equal(
        np.stack(list(columns.values()), axis=1), [[0, 1], [1, 0], [0, 0], [0, 1]]
    )


def test_no_domain_known_gives_no_column():
    assert one_hot(np.array([None, None], dtype=object)) == {}


def test_names_that_would_share_a_column_are_refused():
    with pytest.raises(UserError, match=r"'a_b'.*rename"):
        one_hot(np.array(["a b", "a/b"], dtype=object))
