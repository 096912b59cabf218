import numpy as np
import pytest

from memorization.errors import UserError
from memorization.params import Arm as ArmParams
from memorization.suite.micro.arm import cells, changed, draw_arm, lottery, seeds_share
from memorization.tables import ARM_UNITS, read_table, token_matrix, write_table

VOCABULARY, PER_STEP = 400, 4
PARAMS = ArmParams(
    enabled=True, blocks=4, blocks_of_largest_dose=2, doses=(0, 4, 8, 20), contrast_dose=8
)
WINDOWS = np.random.default_rng(0).integers(1, VOCABULARY, (500, 128)).astype(np.uint16)
DOMAIN = np.random.default_rng(1).choice(np.array(["code", "prose"], dtype=object), 500)
TRAINED, HELD_OUT = np.arange(380), np.random.default_rng(2).permutation(np.arange(380, 500))


def drawn(seed=0, params=PARAMS, held_out=HELD_OUT):
    return draw_arm(params, seed, WINDOWS, DOMAIN, TRAINED, held_out, PER_STEP, VOCABULARY)


@pytest.fixture(scope="module")
def arm():
    return drawn()


def test_windows_are_as_many_as_the_parameters_say(arm):
    # (0 + 4 + 8 + 5 × 8) × 4 blocks and 20 × 2, two in a window.
    assert PARAMS.n_windows == 124
    assert arm.windows.shape == (124, 128)
    assert len(arm.position) == 124
    assert arm.windows.dtype == np.uint16


def test_each_block_has_each_cell_once_and_the_largest_dose_in_some(arm):
    layout = cells(PARAMS)
    assert layout["cell"].tolist() == [
        "20", "8", "4", "0", "early", "late", "even", "fuzzy", "continuation_only"
    ]  # fmt: skip
    assert (layout["dose"][layout["schedule"] != "random"] == 8).all()
    blocks = arm.units.groupby("block")["cell"].agg(list)
    assert sorted(map(len, blocks)) == [8, 8, 9, 9]
    for found in blocks:
        assert set(layout["cell"]) - set(found) <= {"20"}
        assert len(set(found)) == len(found)
    assert (arm.units.groupby("block")["domain"].nunique() == 1).all()


def test_exact_copies_are_in_the_windows_as_often_and_when_the_table_says(arm):
    tokens = token_matrix(arm.units["tokens"])
    halves = arm.windows.reshape(-1, 2, 64)
    for unit, text, steps in zip(
        arm.units.itertuples(), tokens, arm.units["exposure_steps"], strict=True
    ):
        assert text.tolist() == WINDOWS[unit.window, :64].tolist()
        assert len(steps) == unit.dose
        whole = (halves == text).all(axis=2)
        behind = (halves[:, :, 32:] == text[32:]).all(axis=2)
        near = (halves == text).sum(axis=2) == 62
        expected = {"fuzzy": near, "continuation_only": behind & ~whole}.get(unit.schedule, whole)
        row, _ = np.nonzero(expected)
        assert (arm.position[row] // PER_STEP + 1).tolist() == list(steps), unit.cell
        if unit.schedule in ("fuzzy", "continuation_only"):
            assert not whole.any()
        assert whole.sum(axis=1).max() <= 1
    of_unit = (halves[:, :, None, 32:] == tokens[:, 32:]).all(axis=3)
    assert of_unit[:, 0].any() == of_unit[:, 1].any()
    assert 0.3 < of_unit[:, 0].sum() / of_unit.sum() < 0.7


def test_foreign_prompts_are_not_the_units_and_not_one(arm):
    unit = arm.units[arm.units["schedule"] == "continuation_only"].iloc[0]
    halves = arm.windows.reshape(-1, 64)
    own = halves[(halves[:, 32:] == np.asarray(unit["tokens"])[32:]).all(axis=1)]
    assert len(np.unique(own[:, :32], axis=0)) == 8
    prompts = {tuple(row) for row in own[:, :32].tolist()}
    assert not prompts & {tuple(row[:32]) for row in token_matrix(arm.units["tokens"]).tolist()}
    assert prompts <= {tuple(row) for row in WINDOWS[HELD_OUT, :32].tolist()}


def test_seeds_draw_other_units_at_other_times_while_the_pool_lasts():
    arms = [drawn(seed) for seed in (0, 1, 2, 3)]
    n = arms[0].pool["seeds_with_own_units"]
    assert n == 3
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert not set(arms[a].units["window"]) & set(arms[b].units["window"])
        assert not set(arms[a].units["block"]) & set(arms[b].units["block"])
    assert set(arms[0].units["block"]) == set(arms[3].units["block"])
    again = drawn(1)
    assert again.units.equals(arms[1].units)
    np.testing.assert_array_equal(again.windows, arms[1].windows)
    assert arms[0].units["cell"].tolist() == arms[3].units["cell"].tolist()
    assert arms[0].units["window"].tolist() != arms[3].units["window"].tolist()


def test_a_pool_that_is_too_small_says_what_there_is():
    with pytest.raises(UserError, match=r"30 held-out.*2 blocks of 9.*a seed needs 4"):
        drawn(held_out=HELD_OUT[:30])
    with pytest.raises(UserError, match=r"^arm: 0 held-out.*0 blocks"):
        drawn(held_out=HELD_OUT[:0])
    own, pool = seeds_share(100, 9, 9, 4, seed=1)
    assert own.tolist() == [4, 5, 6, 7]
    assert pool == {"candidates": 100, "blocks": 9, "seeds_with_own_units": 2}


def test_every_text_is_as_likely_in_every_cell():
    layout, rng = cells(PARAMS), np.random.default_rng(0)
    n, block = 3000, np.arange(9)[None]
    found = [lottery(block, layout, 1, rng).set_index("row")["cell"].loc[4] for _ in range(n)]
    _, count = np.unique(found, return_counts=True)
    assert len(count) == 9
    chi_squared = ((count - n / 9) ** 2 / (n / 9)).sum()
    assert chi_squared < 26.1  # the 99.9th percentile with 8 degrees of freedom


def test_fuzzy_copies_differ_in_two_tokens_each_time_in_others():
    rng = np.random.default_rng(0)
    texts = np.tile(rng.integers(1, 50, 64), (4000, 1))
    found = changed(texts, 50, rng)
    differs = found != texts
    assert (differs.sum(axis=1) == 2).all()
    assert found.min() >= 1
    assert found.max() == 49
    share = differs.mean(axis=0) * 32
    assert share.min() > 0.7
    assert share.max() < 1.3


def test_the_table_of_units_comes_back(arm, tmp_path):
    write_table(arm.units, tmp_path / "arm.parquet", ARM_UNITS)
    back = read_table(tmp_path / "arm.parquet", ARM_UNITS)
    for name in back.columns:
        assert list(map(str, back[name])) == list(map(str, arm.units[name])), name
