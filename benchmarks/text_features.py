"""How fast are features of the text? All sequences at once against the obvious loop, side by side.

python benchmarks/text_features.py [LARGEST]

The sequences are those of the micro suite (results/suite), over and over where more are asked for.
First every family against one sequence at a time (text_by_row.py) on the same sequences, which also
checks that both give the same numbers; then the cost of all families from 10⁴ to 10⁶ sequences
(LARGEST), each size in a process of its own, whose peak of memory is then its own. Seconds are of
the processor, on one core, so that other work on the machine matters less.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import text_by_row
from tokenizers import Tokenizer

from memorization.features.compressibility import byte_features, token_features
from memorization.features.repetition import repetition_features
from memorization.features.surface import surface_features
from memorization.features.template import template_features
from memorization.features.text import TokenTable, in_chunks, texts, token_bytes
from memorization.protocol import SEQUENCE

SUITE = Path("results/suite")
COMPARED = 2048
ROUNDS = 5

Columns = dict[str, np.ndarray]


def families(table: TokenTable) -> dict[str, Callable[[np.ndarray], Columns]]:
    """Return each family as a function of tokens; those of text pay for decoding, each its own."""

    return {
        "repetition": repetition_features,
        "template": lambda tokens: template_features(texts(table, tokens)),
        "compressors": lambda tokens: byte_features(texts(table, tokens)),
        "phrases": token_features,
        "surface": lambda tokens: surface_features(texts(table, tokens)),
    }


def load(n: int) -> tuple[np.ndarray, list[bytes]]:
    """Return n sequences, int32 [n, 64], and the bytes of each token."""
    windows = np.load(SUITE / "windows.npy", mmap_mode="r")[:, :SEQUENCE]
    table = token_bytes(Tokenizer.from_file(str(SUITE / "tokenizer.json")))
    # A stride through the training order, so that every domain is among few sequences too.
    order = np.arange(n) * 17 % len(windows)
    return windows[order].astype(np.int32), table


def seconds(run: Callable[[], object], rounds: int) -> float:
    """Return the least processor time of some runs: the one that other work disturbed least."""
    measured = []
    for _ in range(rounds):
        start = time.process_time()
        run()
        measured.append(time.process_time() - start)
    return min(measured)


def compare() -> None:
    """Print, for each family, both rates and their ratio."""
    tokens, pieces = load(COMPARED)
    rows = [(row, [pieces[token] for token in row]) for row in tokens.tolist()]
    taken: dict[str, tuple[float, float]] = {}
    print(
        f"{'family':16} {'columns':>7} {'by row':>12} {'at once':>12} {'ratio':>7}  (seq/s, core)"
    )
    for name, ours in families(TokenTable.of(pieces)).items():
        by_row = text_by_row.FAMILIES[name]
        expected = [by_row(*row) for row in rows]
        found = ours(tokens)
        for column, values in found.items():
            own = np.array([row[column] for row in expected], dtype=float)
            assert np.allclose(values, own), f"{name}.{column} differs"
        taken[name] = (
            seconds(lambda by_row=by_row: [by_row(*row) for row in rows], 2),
            seconds(lambda ours=ours: ours(tokens), ROUNDS),
        )
        _print(name, len(found), *taken[name])
    _print("all", 0, *map(sum, zip(*taken.values(), strict=True)))
    # Both ways spend their time in the same C libraries there.
    del taken["compressors"]
    _print("all but these", 0, *map(sum, zip(*taken.values(), strict=True)))


def _print(name: str, columns: int, theirs: float, ours: float) -> None:
    rates = f"{COMPARED / theirs:12,.0f} {COMPARED / ours:12,.0f} {theirs / ours:7.1f}"
    print(f"{name:16} {columns or '':7} {rates}", flush=True)


def measure(n: int) -> None:
    """Print the cost of all families for n sequences."""
    tokens, pieces = load(n)
    every = families(TokenTable.of(pieces))
    for compute in every.values():
        compute(tokens[:1])  # compiled, or read from the compiler's cache
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    columns = [in_chunks(compute, tokens) for compute in every.values()]
    taken = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    held = sum(values.nbytes for family in columns for values in family.values())
    print(
        f"{n:9,} sequences: {taken:6.1f} s, {n / taken:8,.0f} sequences/s, "
        f"{n * SEQUENCE / taken / 1e6:4.1f} M tokens/s; peak {peak / 2**10:,.0f} MB, of which "
        f"{before / 2**10:,.0f} before (tokens) and {held / 2**20:,.0f} the columns",
        flush=True,
    )


def main() -> None:
    """Compare, then measure each size in a process of its own."""
    if len(sys.argv) == 3 and sys.argv[1] == "--only":
        return measure(int(sys.argv[2]))
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else 10**6
    compare()
    for n in (10**4, 10**5, 10**6):
        if n <= largest:
            subprocess.run([sys.executable, __file__, "--only", str(n)], check=True)


if __name__ == "__main__":
    main()
