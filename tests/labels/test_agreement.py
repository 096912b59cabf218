import numpy as np
import pytest

from memorization.labels.agreement import scan_agreement, warn_if_low


def test_hand_computed():
    published = np.array([1, 1, 1, 0, 0, 0, 0, 0], bool)
    scanned = np.array([1, 0, 1, 0, 0, 1, 1, 0], bool)
    assert scan_agreement(scanned, published) == {
        "n": 8,
        "share": 5 / 8,
        "published_only": 1,
        "scan_only": 2,
    }


@pytest.mark.parametrize(("differ", "warns"), [(0, False), (10, False), (11, True)])
def test_a_loud_warning_under_99_percent(capsys, differ, warns):
    published = np.zeros(1000, bool)
    warn_if_low(scan_agreement(np.arange(1000) < differ, published), "1.4b")
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == (8 if warns else 0)
    if warns:
        assert "98.90% of 1,000 sequences" in said.err
        assert "by the scan only: 11" in said.err


def test_no_sequences(capsys):
    found = scan_agreement(np.zeros(0, bool), np.zeros(0, bool))
    assert found["share"] is None
    warn_if_low(found, "1.4b")
    assert capsys.readouterr().err == ""
