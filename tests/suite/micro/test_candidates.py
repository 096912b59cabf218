import numpy as np
import pytest

from memorization.suite.micro.candidates import (
    continuation_surprisal,
    foreign_prompts,
    matched_blocks,
    unshared,
)

RNG = np.random.default_rng(0)


def text(n=1):
    return RNG.integers(1, 2000, (n, 64))


def holding(run, at, length=64):
    """Return a text that holds a run of tokens somewhere."""
    found = RNG.integers(1, 2000, length)
    found[at : at + len(run)] = run
    return found


NATURAL = RNG.integers(1, 2000, (20, 128)).astype(np.uint16)
FIRST = text()[0]
ENDED = text()[0]
ENDED[40] = 0


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([FIRST], [True]),
        ([ENDED], [False]),
        ([holding(NATURAL[3, 60:76], 48)], [False]),  # 16 tokens of a natural window
        ([holding(NATURAL[3, 60:75], 48)], [True]),  # 15
        ([holding(np.r_[NATURAL[3, 120:], NATURAL[4, :8]], 5)], [True]),  # of two windows
        ([FIRST, holding(FIRST[:16], 30), text()[0]], [True, False, True]),
        ([FIRST, holding(FIRST[:15], 30)], [True, True]),
        ([np.tile([7, 8], 32), np.tile([8, 7], 32)], [True, False]),  # repeats itself: a unit
    ],
)  # fmt: skip
def test_units_share_no_sixteen_tokens(texts, expected):
    assert unshared(np.array(texts), NATURAL).tolist() == expected


def test_a_text_left_out_blocks_no_other():
    chain = [text()[0] for _ in range(3)]
    chain[1][:16] = chain[0][20:36]
    chain[2][:16] = chain[1][40:56]
    assert unshared(np.array(chain), NATURAL).tolist() == [True, False, True]
    assert unshared(np.array(chain[1:]), NATURAL).tolist() == [True, False]


def test_units_of_a_random_pool_are_what_sets_of_runs_say():
    rng = np.random.default_rng(1)
    pieces = rng.integers(1, 500, (30, 16))
    texts = pieces[rng.integers(0, 30, (60, 4))].reshape(60, 64)
    natural = pieces[rng.integers(0, 30, (2, 8))].reshape(2, 128).astype(np.uint16)

    def runs(row):
        return {tuple(row[i : i + 16]) for i in range(len(row) - 15)}

    taken = set().union(*(runs(row.tolist()) for row in natural))
    expected = []
    for row in texts.tolist():
        expected.append(not runs(row) & taken)
        taken |= runs(row) if expected[-1] else set()
    assert unshared(texts, natural).tolist() == expected
    assert 0 < sum(expected) < 60


def test_foreign_prompts_hold_nothing_of_a_unit():
    unit = text()[0]
    in_prompt, behind = holding(unit[40:56], 10), holding(unit[40:56], 40)
    found = foreign_prompts(np.array([text()[0], in_prompt, behind, ENDED]), unit[None])
    assert found.tolist() == [True, False, True, True]


def test_surprisal_is_that_of_a_mixture_by_hand():
    rng = np.random.default_rng(2)
    natural = rng.integers(1, 6, (9, 128)).astype(np.uint16)
    one = rng.integers(1, 6, 64)
    rows = [row.tolist() for row in natural]
    total = 0.0
    for i in range(32, 64):
        p = (sum(row.count(one[i]) for row in rows) + 1) / (natural.size + 5)
        for length in (1, 2, 4, 8):
            context = one[i - length : i].tolist()
            after = [
                row[j + length]
                for row in rows
                for j in range(128 - length)
                if row[j : j + length] == context
            ]
            p = (after.count(one[i]) + p) / (len(after) + 1)
        total -= np.log(p)
    assert continuation_surprisal(one[None], natural)[0] == pytest.approx(total / 32)


def test_blocks_are_of_one_domain_and_neighbours_in_surprisal():
    rng = np.random.default_rng(3)
    domain = rng.choice(np.array(["a", "b", "c"], dtype=object), 100)
    surprisal = rng.random(100)
    blocks = matched_blocks(domain, surprisal, 7)
    assert len(set(blocks.ravel())) == blocks.size
    assert len(blocks) == sum((domain == name).sum() // 7 for name in "abc")
    for block in blocks:
        assert len(set(domain[block])) == 1
        same = surprisal[domain == domain[block[0]]]
        inside = (same >= surprisal[block].min()) & (same <= surprisal[block].max())
        assert inside.sum() == 7
