from itertools import product

import numpy as np
import pandas as pd
import pytest
from made_up_arm import outcomes_table

from memorization.arm.permutation import (
    contrasts,
    holm,
    minimal_detectable,
    sign_change_p,
    text_effects,
)


@pytest.mark.parametrize("change", [[1.0, 2, 3, -1], [0.0, 0, 0], [5.0], [1, -1, 1, 1, 1, 1.0]])
def test_p_is_the_share_of_all_sign_changes(change):
    sums = [abs(np.dot(signs, change)) for signs in product([1, -1], repeat=len(change))]
    expected = np.mean(np.array(sums) >= abs(sum(change)) - 1e-12)
    assert sign_change_p(np.array(change), np.random.default_rng(0)) == expected


def test_p_of_many_blocks_is_near_the_exact_one():
    change = np.random.default_rng(3).normal(0.3, 1, 14)
    exact = sign_change_p(change, np.random.default_rng(0))
    # Two differences of 0 more change no sum, and make it a matter of draws.
    drawn = sign_change_p(np.append(change, [0, 0]), np.random.default_rng(0))
    assert drawn == pytest.approx(exact, abs=0.02)


def test_p_is_uniform_where_nothing_matters():
    rng = np.random.default_rng(0)
    p = [sign_change_p(rng.normal(size=8), rng) for _ in range(500)]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.025)


def test_holm_rejects_as_its_steps_do():
    """Step down: the smallest p against alpha / m, the next against alpha / (m - 1), and so on."""
    rng = np.random.default_rng(0)
    for alpha in (0.01, 0.05, 0.2, 0.5):
        for _ in range(20):
            p = dict(zip("abcdef", rng.random(6) ** 4, strict=True))
            rejected = set()
            for rank, name in enumerate(sorted(p, key=p.get)):
                if p[name] > alpha / (6 - rank):
                    break
                rejected.add(name)
            corrected = holm(p)
            assert {name for name in p if corrected[name] <= alpha} == rejected
            assert list(corrected) == list(p)


def test_contrasts_find_the_effects_and_no_others():
    units = outcomes_table(effects={"early": -0.6, "continuation_only": -1.0})
    found = contrasts(units, "logprob", 96, 0.95, np.random.default_rng(0))
    assert list(found) == ["early", "late", "even", "fuzzy", "continuation_only"]
    for name, effect in (("early", -0.6), ("continuation_only", -1.0)):
        assert found[name]["low"] <= effect <= found[name]["high"]
        assert found[name]["p"] == 2 / 2**8
        assert found[name]["p_holm"] == pytest.approx(5 * 2 / 2**8)
    for name in ("late", "even", "fuzzy"):
        assert found[name]["p_holm"] > 0.05
        assert abs(found[name]["value"]) < found[name]["minimal_detectable"]
    assert all(result["blocks"] == 8 for result in found.values())
    # Only blocks that have both cells are compared.
    fewer = units[~((units["block"] == 3) & (units["cell"] == "early"))]
    found = contrasts(fewer, "logprob", 96, 0.95, np.random.default_rng(0))
    assert [found[name]["blocks"] for name in ("early", "late")] == [7, 8]


def test_the_minimal_detectable_difference_is_found_with_its_power():
    rng = np.random.default_rng(0)
    spread = rng.normal(size=8)
    spread = (spread - spread.mean()) / spread.std(ddof=1)
    least = minimal_detectable(spread, 0.05)
    draws = rng.normal(least, 1, (4000, 8))
    t = draws.mean(axis=1) / (draws.std(axis=1, ddof=1) / np.sqrt(8))
    assert np.mean(np.abs(t) > 2.365) == pytest.approx(0.8, abs=0.05)
    assert np.isnan(minimal_detectable(spread[:1], 0.05))


def test_text_effects_are_those_of_a_regression_with_dummies():
    units = outcomes_table(slope=2.0)
    found = text_effects(units, "compressibility", "logprob", np.random.default_rng(0))
    exact = units[units["schedule"] == "random"]
    z = exact["compressibility"].to_numpy()
    z = (z - z.mean()) / z.std()
    dummies = pd.get_dummies(exact[["block", "cell"]].astype(str)).to_numpy(dtype=float)
    y = exact["logprob"].to_numpy()
    slope = np.linalg.lstsq(np.c_[z, dummies], y, rcond=None)[0][0]
    product_of = z * np.log2(exact["dose"].to_numpy() + 1)
    interaction = np.linalg.lstsq(np.c_[product_of, z, dummies], y, rcond=None)[0][0]
    assert found["slope"] == pytest.approx(slope)
    assert found["interaction"] == pytest.approx(interaction)
    assert found["slope_p"] == 1e-4
    assert found["interaction_p"] > 0.01
    assert found["n"] == len(exact)


def test_text_that_does_not_matter_gives_any_p():
    p = [
        text_effects(outcomes_table(seed), "surprisal", "logprob", np.random.default_rng(0), 199)
        for seed in range(60)
    ]
    for name in ("slope_p", "interaction_p"):
        assert 0.35 < np.mean([found[name] for found in p]) < 0.65


def test_what_does_not_vary_within_blocks_cannot_be_tested():
    units = outcomes_table()
    units["surprisal"] = units["block"] * 0.3
    found = text_effects(units, "surprisal", "logprob", np.random.default_rng(0), 99)
    assert found["within_blocks"] == pytest.approx(0)
    assert found["slope_p"] == found["interaction_p"] == 1
