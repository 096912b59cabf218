"""The randomised arm: held-out texts, trained on as often and when a lottery says.

Natural repetition and text are confounded: what occurs 200 times is boilerplate. Here texts of one
pool, alike within a block, are assigned their number of copies at random, so that a difference
between cells is caused by what the cell does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from memorization.errors import UserError
from memorization.params import SCHEDULES
from memorization.params import Arm as ArmParams
from memorization.protocol import PROMPT, SEQUENCE
from memorization.randomness import generator
from memorization.suite.micro.candidates import (
    continuation_surprisal,
    foreign_prompts,
    matched_blocks,
    unshared,
)
from memorization.suite.micro.schedules import copy_times, paired, window_positions
from memorization.tables import steps_column, token_column

# Tokens of a fuzzy copy that are others.
CHANGED = 2


@dataclass(frozen=True)
class Arm:
    """The design of one seed.

    Attributes
    ----------
    units : as of `memorization.tables.ARM_UNITS`.
    windows : uint16 [w, 128], two copies in each.
    position : int64 [w], where each is in the training order, ascending.
    pool : how many texts could be units, and how many seeds have units of their own.
    """

    units: pd.DataFrame
    windows: np.ndarray
    position: np.ndarray
    pool: dict[str, int]


def cells(arm: ArmParams) -> pd.DataFrame:
    """Return ``cell``, ``dose`` and ``schedule`` of the cells, the largest exact dose first.

    A cell of exact copies at random positions is named after its dose, any other after its
    schedule.
    """
    exact = [(str(dose), dose, "random") for dose in sorted(arm.doses, reverse=True)]
    other = [(schedule, arm.contrast_dose, schedule) for schedule in SCHEDULES]
    return pd.DataFrame(exact + other, columns=["cell", "dose", "schedule"])


def draw_arm(
    arm: ArmParams,
    seed: int,
    windows: np.ndarray,
    domain: np.ndarray,
    trained: np.ndarray,
    held_out: np.ndarray,
    sequences_per_step: int,
    vocabulary: int,
) -> Arm:
    """Return the arm of a seed: its lottery, its windows and their positions.

    Parameters
    ----------
    windows : uint16 [W, 128], all windows of the corpus.
    domain : str [W], theirs.
    trained, held_out : int64, which of them are trained on, and the others in a fixed order.

    Raises
    ------
    UserError
        If the held-out windows are too few, or training too short.
    """
    natural, texts = windows[trained], windows[held_out][:, :SEQUENCE].astype(np.int64)
    able = np.flatnonzero(unshared(texts, natural)) if len(texts) else np.empty(0, np.int64)
    layout = cells(arm)
    surprisal = continuation_surprisal(texts[able], natural) if len(able) else np.empty(0)
    blocks = matched_blocks(domain[held_out[able]], surprisal, len(layout))
    own, pool = seeds_share(len(able), len(blocks), len(layout), arm.blocks, seed)
    rng = generator(seed, "arm")
    units = lottery(blocks[own], layout, arm.blocks_of_largest_dose, rng)
    row = units.pop("row").to_numpy()
    units["block"] = own[units["block"]]
    others = np.setdiff1d(np.arange(len(texts)), able[row])
    prompts = texts[others][foreign_prompts(texts[others], texts[able[row]])][:, :PROMPT]
    n = len(trained) + arm.n_windows
    unit, pairs, position, copies = copies_of(units, texts[able[row]], prompts, n, vocabulary, rng)
    step = np.repeat(position // sequences_per_step + 1, 2)
    units["tokens"] = token_column(texts[able[row]])
    units["exposure_steps"] = steps_column(unit[pairs].ravel(), step, len(units))
    units["domain"] = domain[held_out[able[row]]]
    units["window"] = held_out[able[row]]
    units["surprisal"] = surprisal[row]
    return Arm(units, copies[pairs].reshape(len(pairs), -1).astype(np.uint16), position, pool)


def seeds_share(
    n_candidates: int, n_blocks: int, size: int, wanted: int, seed: int
) -> tuple[np.ndarray, dict[str, int]]:
    """Return the blocks of a seed, int64 [wanted], and what the pool holds.

    Blocks are dealt out in their fixed order, so seeds 0, 1, … have units of their own while the
    pool lasts; then they begin again with those of seed 0.

    Raises
    ------
    UserError
        If there are fewer blocks than one seed needs.
    """
    if n_blocks < wanted:
        raise UserError(
            f"arm: {n_candidates:,} held-out windows share no 16 tokens in a row with the training "
            f"data or with each other; they make {n_blocks} blocks of {size} of one domain, and a "
            f"seed needs {wanted}: lower arm.blocks, train for fewer steps, or turn arm.enabled off"
        )
    shares = n_blocks // wanted
    pool = {"candidates": n_candidates, "blocks": n_blocks, "seeds_with_own_units": shares}
    return seed % shares * wanted + np.arange(wanted), pool


def lottery(
    blocks: np.ndarray, layout: pd.DataFrame, n_largest: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Return which text is in which cell: ``unit``, ``block``, ``row``, and the cell's columns.

    In each block every cell gets one text, all assignments being equally likely; only the first
    ``n_largest`` blocks have the largest dose, and one text of the others is not used.

    Parameters
    ----------
    blocks : int64 [b, c], rows of texts.
    layout : c rows, as from `cells`, the largest dose first.
    """
    drawn = rng.permuted(blocks, axis=1)
    block, cell = np.divmod(np.arange(blocks.size).reshape(blocks.shape), blocks.shape[1])
    used = (cell > 0) | (block < n_largest)
    found = pd.DataFrame({"unit": np.arange(used.sum()), "block": block[used], "row": drawn[used]})
    return pd.concat([found, layout.take(cell[used]).reset_index(drop=True)], axis="columns")


def copies_of(
    units: pd.DataFrame,
    texts: np.ndarray,
    prompts: np.ndarray,
    n: int,
    vocabulary: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the copies of the units: whose, which two share a window, where, and their tokens.

    The unit of each, int64 [c]; the windows' copies in the order of their halves, which is drawn,
    int64 [w, 2]; the windows' positions, int64 [w]; the tokens, int64 [c, 64].

    Parameters
    ----------
    units : with ``dose`` and ``schedule``; u rows.
    texts : int64 [u, 64].
    prompts : int64 [m, 32], foreign ones for continuation_only; each is used once before any is
        used again.
    n : windows of the whole training.
    """
    dose, schedule = units["dose"].to_numpy(), units["schedule"].to_numpy(dtype=str)
    unit = np.repeat(np.arange(len(units)), dose)
    rank = np.arange(len(unit)) - np.repeat(np.cumsum(dose) - dose, dose)
    time = copy_times(schedule[unit], rank, dose[unit], rng)
    pairs = paired(unit, time)
    position = window_positions(pairs, time, schedule[unit], n)
    copies = texts[unit]
    fuzzy = np.flatnonzero(schedule[unit] == "fuzzy")
    copies[fuzzy] = changed(copies[fuzzy], vocabulary, rng)
    behind = np.flatnonzero(schedule[unit] == "continuation_only")
    if len(behind) and not len(prompts):
        raise UserError("arm: no held-out text is left for the prompts of continuation_only")
    copies[behind, :PROMPT] = np.resize(rng.permutation(prompts), (len(behind), PROMPT))
    return unit, rng.permuted(pairs, axis=1), position, copies


def changed(texts: np.ndarray, vocabulary: int, rng: np.random.Generator) -> np.ndarray:
    """Return texts, int64 [n, 64], with two tokens of each replaced by others.

    Places and tokens are uniform; end-of-text is neither replaced nor put in.
    """
    place = np.argsort(rng.random(texts.shape), axis=1)[:, :CHANGED]
    old = np.take_along_axis(texts, place, axis=1)
    new = rng.integers(1, vocabulary - 1, place.shape)
    found = texts.copy()
    np.put_along_axis(found, place, new + (new >= old), axis=1)
    return found
