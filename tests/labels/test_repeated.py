"""Checkpoints that are not what their names say."""

import numpy as np

from memorization.labels.repeated import repeated_checkpoints, warn_if_any


def test_the_same_model_at_several_steps_is_found_and_said(capsys):
    logprob = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    logprob[:, 4] = logprob[:, 0]
    logprob[:, 5] = logprob[:, 2]
    steps = np.array([10, 20, 30, 40, 50, 60])
    repeated = repeated_checkpoints(steps, logprob)
    assert repeated == [[10, 50], [30, 60]]
    warn_if_any(repeated, "2.8b")
    said = capsys.readouterr().err
    assert "WARNING" in said
    assert "10, 50\n30, 60\n" in said


def test_models_that_differ_by_a_bit_are_different(capsys):
    logprob = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    logprob[:, 2] = logprob[:, 0]
    logprob[7, 2] = np.nextafter(logprob[7, 0], np.float32(1))
    repeated = repeated_checkpoints(np.array([1, 2, 3]), logprob)
    assert repeated == []
    warn_if_any(repeated, "2.8b")
    assert capsys.readouterr().err == ""
