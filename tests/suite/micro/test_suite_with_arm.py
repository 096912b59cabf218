"""Tiny suites with the arm on and off, and of two seeds, from one made-up corpus."""

import json

import numpy as np
import pytest
import torch
from tiny_arm import PER_STEP, TOTAL, params, write_corpus

from memorization.suite.micro.make import make_suite
from memorization.suite.read import read_suite


@pytest.fixture(scope="module")
def suites(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suites")
    write_corpus(folder / "corpus.tar.xz")
    torch.set_num_threads(1)
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, enabled, seed in (("off", False, 0), ("on", True, 0), ("other", True, 1)):
            make_suite(params(enabled=enabled, seed=seed), folder / "corpus.tar.xz", folder / name)
            made[name] = read_suite(folder / name)
    return made


def test_without_the_arm_all_windows_are_of_the_population(suites):
    off = suites["off"]
    assert off.arm is None
    assert off.pool is None
    assert off.population == len(off.windows) == TOTAL
    assert off.population_index.tolist() == list(range(TOTAL))
    assert off.corpus_rows(np.array([5, 239])).tolist() == [5, 239]


def test_arm_windows_are_trained_on_but_not_of_the_population(suites):
    on = suites["on"]
    n_arm = params(enabled=True).arm.n_windows
    natural = on.population_index
    assert len(on.windows) == TOTAL
    assert on.population == len(natural) == TOTAL - n_arm
    np.testing.assert_array_equal(on.pool, natural)
    of_arm = np.setdiff1d(np.arange(TOTAL), natural)
    assert (on.domains(of_arm) == "arm").all()
    assert not (on.domains(natural) == "arm").any()
    np.testing.assert_array_equal(on.corpus, on.windows[natural])
    np.testing.assert_array_equal(on.corpus[on.corpus_rows(natural)], on.windows[natural])
    assert (on.corpus_rows(of_arm) == -1).all()
    np.testing.assert_array_equal(on.corpus_step, natural // PER_STEP + 1)
    assert len(on.corpus_place) == on.population
    assert np.isin(on.memorized("micro-base"), natural).all()
    steps = np.concatenate([np.asarray(steps) for steps in on.arm["exposure_steps"]])
    expected = np.repeat(of_arm // PER_STEP + 1, 2)
    assert sorted(steps) == sorted(expected)
    pool = json.loads((on.folder / "arm.json").read_text())
    assert pool["candidates"] >= len(on.arm)


def test_units_share_nothing_with_the_population(suites):
    on = suites["on"]
    for text in on.arm["tokens"]:
        text = np.asarray(text)
        for start in range(0, 49, 16):
            run = text[start : start + 16]
            found = np.lib.stride_tricks.sliding_window_view(on.corpus, 16, axis=1)
            assert not (found == run).all(axis=2).any()


def test_every_seed_trains_on_the_same_natural_windows_in_another_order(suites):
    windows = {name: suite.documents["window"].to_numpy() for name, suite in suites.items()}
    natural = {name: set(found[found >= 0]) for name, found in windows.items()}
    assert natural["on"] == natural["other"] < natural["off"]
    assert windows["on"].tolist() != windows["other"].tolist()
    text = {
        name: dict(zip(windows[name].tolist(), suite.windows.tolist(), strict=True))
        for name, suite in suites.items()
    }
    assert all(text["on"][w] == text["other"][w] == text["off"][w] for w in natural["on"])
    units = [set(suites[name].arm["window"]) for name in ("on", "other")]
    assert not units[0] & units[1]
    assert not (units[0] | units[1]) & natural["on"]
