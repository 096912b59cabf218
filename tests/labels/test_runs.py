from types import SimpleNamespace

import numpy as np
import pytest

from memorization.errors import UserError
from memorization.labels import runs
from memorization.labels.runs import between, run_statistics, scan_runs


def test_how_many_runs_have_memorized_what():
    memorized = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 0], [0, 1, 1]], bool)
    arrays = {
        "run": np.array(["a", "b", "c"]),
        "run_memorized": memorized,
        "run_first_step": np.where(memorized, [[10], [10], [0], [20]], 0),
        "run_seen_step": np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0], [0, 1, 1]]),
    }
    found = run_statistics(arrays, np.array([1.0, 2.0, 10.0, 3.0]))
    assert found["memorized"] == {"a": 3.0, "b": 4.0, "c": 4.0}
    assert found["in_how_many"] == [10.0, 2.0, 3.0, 1.0]
    # a and b share the first of three, b and c all.
    assert found["in_both"] == pytest.approx((1 / 6 + 1 / 6 + 1) / 3)
    # Trained on: 16 - 3, 16 - 2 and 16 - 10 of 48; memorized of these 3, 4 and 4.
    assert found["by_exposure"] == {"trained_on": 11 / 33, "not_trained_on": 0.0}
    assert found["when"] == {"n": 2, "between": 1.0}
    del arrays["run_seen_step"]
    assert "by_exposure" not in run_statistics(arrays, np.ones(4))


def test_what_no_two_runs_have_memorized_tells_nothing():
    arrays = {"run": np.array(["a", "b"]), "run_memorized": np.zeros((3, 2), bool)}
    found = run_statistics(arrays | {"run_first_step": np.zeros((3, 2), int)}, np.ones(3))
    assert (found["in_both"], found["when"]) == (None, {"n": 0, "between": None})
    assert between(np.array([[5, 5], [5, 5]])) == {"n": 2, "between": None}


@pytest.mark.parametrize("share", [0.0, 0.4, 0.9])
def test_the_share_of_the_sequences_is_found_again(share):
    """Of made-up times, some missing, whose variance is this much between sequences."""
    rng = np.random.default_rng(0)
    times = np.sqrt(share) * rng.normal(size=(4000, 1)) + np.sqrt(1 - share) * rng.normal(
        size=(4000, 10)
    )
    times = np.where(rng.random(times.shape) < 0.7, 1000 + 100 * times, 0)
    assert between(times)["between"] == pytest.approx(share, abs=0.02)


def test_the_last_checkpoint_of_another_run_is_not_left_out(monkeypatch):
    """It decides what the run has memorized: without it, the one before would pass for the end."""
    suite = SimpleNamespace(manifest={"runs": {"own": "o/a", "other": "o/b"}}, steps=(50, 100))
    monkeypatch.setattr(runs, "excluded_of", lambda params, suite, run: {100: f"{run} missing"})
    with pytest.raises(UserError, match=r"step100 is the last checkpoint of other \(other missing"):
        scan_runs(SimpleNamespace(target="own"), suite, None, None, None)
