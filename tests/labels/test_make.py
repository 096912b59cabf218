"""What is said of a scan that found something else than was expected."""

import numpy as np
import pytest

from memorization.labels.make import repeated_checkpoints, scan_agreement, share_agreement
from memorization.labels.trajectories import Trajectories


def test_agreement_computed_by_hand():
    published = np.array([1, 1, 1, 0, 0, 0, 0, 0], bool)
    scanned = np.array([1, 0, 1, 0, 0, 1, 1, 0], bool)
    found = scan_agreement(scanned, published, "1.4b")
    assert found == {"n": 8, "share": 5 / 8, "published_only": 1, "scan_only": 2}
    assert scan_agreement(published[:0], published[:0], "1.4b")["share"] is None


def test_a_share_is_of_no_fewer_tokens_than_are_right_at_first():
    match_length, equal = np.array([32, 0, 5, 31, 9]), np.array([32, 0, 4, 32, -1])
    found = share_agreement(match_length, equal)
    assert found == {"n": 4, "share": 0.5, "fewer": 1, "all": 1}
    assert share_agreement(match_length[4:], equal[4:])["share"] is None


@pytest.mark.parametrize(("differ", "warns"), [(0, False), (10, False), (11, True)])
def test_a_loud_warning_under_99_percent(capsys, differ, warns):
    scan_agreement(np.arange(1000) < differ, np.zeros(1000, bool), "1.4b")
    said = capsys.readouterr()
    assert said.out == ""
    assert ("WARNING" in said.err) == warns == bool(said.err)
    if warns:
        assert "98.90% of 1,000 sequences" in " ".join(said.err.split())
        assert "by the scan only: 11" in " ".join(said.err.split())


def repeated(logprob):
    steps = np.arange(10, 10 + 10 * logprob.shape[1], 10)
    nothing = np.zeros(logprob.shape)
    scan = Trajectories(np.arange(len(logprob)), steps, nothing, logprob, nothing == 0)
    return repeated_checkpoints(scan, "2.8b")


def test_the_same_model_at_several_steps_is_found_and_said(capsys):
    logprob = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    logprob[:, 4] = logprob[:, 0]
    logprob[:, 5] = logprob[:, 2]
    assert repeated(logprob) == [[10, 50], [30, 60]]
    said = capsys.readouterr().err
    assert "WARNING" in said
    assert "10, 50\n30, 60\n" in said


def test_models_that_differ_by_a_bit_are_different(capsys):
    logprob = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    logprob[:, 2] = logprob[:, 0]
    logprob[7, 2] = np.nextafter(logprob[7, 0], np.float32(1))
    assert repeated(logprob) == []
    assert repeated(np.empty((0, 3), np.float32)) == []
    assert capsys.readouterr().err == ""
