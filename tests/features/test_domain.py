from __future__ import annotations

import numpy as np
import pytest

from memorization.errors import UserError
from memorization.features.domain import one_hot


def test_each_sequence_is_in_its_domain_and_no_other():
    columns = one_hot(np.array(["law", "code", None, "law"], dtype=object))
    assert {name: own.tolist() for name, own in columns.items()} == {
        "code": [0, 1, 0, 0],
        "law": [1, 0, 0, 1],
    }
    assert one_hot(np.array([None, None], dtype=object)) == {}
    with pytest.raises(UserError, match=r"'a_b'.*rename"):
        one_hot(np.array(["a b", "a/b"], dtype=object))
