"""How fast are n-grams counted? Against per-row Python, side by side, and how does the cost grow?

python benchmarks/counting.py                                 the ratios and the floors
python benchmarks/counting.py --growth tokens|sequences       the growth, in processes of their own
python benchmarks/counting.py --tokens 3.2e8 --sequences 6e4  one size

The text is made up: words by Zipf's law, a third of it phrases that recur, one row in thirty a
copy of another. All that the corpus tier needs is counted: 34 lengths of n-gram, what follows
contexts, near-duplicates. Times are CPU seconds of one core.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from memorization.features.counts.counting import LENGTHS, MEMORY, count_sequences, n_passes
from memorization.features.counts.elsewhere import slot_counts
from memorization.features.counts.ngram_index import VOCABULARY, NgramIndex, row_blocks
from memorization.randomness import generator

WIDTH = 64
TYPES = 50_000
# Of the published script (EleutherAI/semantic-memorization, save_sequence_hashes.py).
MODULUS, BASE = 10**18 + 3, 60_013


def made_up_text(n_tokens: int, rng: np.random.Generator) -> np.ndarray:
    """Return rows of text, uint16 [N, 64]."""
    n = n_tokens // WIDTH
    rows = _words(n * WIDTH, rng).reshape(n, WIDTH)
    phrases = _words(8 * 200_000, rng).reshape(-1, 8)
    for start in range(0, WIDTH, 8):
        chosen = np.flatnonzero(rng.random(n) < 1 / 3)
        rows[chosen, start : start + 8] = phrases[_popular(len(phrases), len(chosen), rng)]
    copies = np.flatnonzero(rng.random(n) < 1 / 30)
    rows[copies] = rows[_popular(n, len(copies), rng)]
    return rows


def _words(n: int, rng: np.random.Generator) -> np.ndarray:
    share = np.cumsum(1 / np.arange(1, TYPES + 1) ** 1.05)
    words = np.empty(n, dtype=np.uint16)
    for start in range(0, n, 10**7):
        part = words[start : start + 10**7]
        part[:] = np.searchsorted(share / share[-1], rng.random(len(part)))
    return words


def _popular(n: int, size: int, rng: np.random.Generator) -> np.ndarray:
    return (n * rng.random(size) ** 5).astype(np.int64)


def by_tuples(rows: list[list[int]], sequences: list[list[int]]) -> dict[tuple[int, ...], int]:
    """Count the sequences' n-grams as one would write it down."""
    counts = {
        tuple(sequence[start : start + length]): 0
        for sequence in sequences
        for length in LENGTHS
        for start in range(len(sequence) - length + 1)
    }
    for row in rows:
        for length in LENGTHS:
            for start in range(len(row) - length + 1):
                gram = tuple(row[start : start + length])
                if gram in counts:
                    counts[gram] += 1
    return counts


def by_hashes(rows: np.ndarray, sequences: np.ndarray) -> dict[int, int]:
    """Count the continuations as the published script does: a polynomial hash a position."""
    powers = [BASE**i % MODULUS for i in range(32)]

    def gethash(row: np.ndarray, start: int) -> int:
        value = 0
        for i in range(32):
            value += powers[i] * int(row[start + i]) % MODULUS
            value %= MODULUS
        return value

    counts = {gethash(sequence, 32): 0 for sequence in sequences}
    for row in rows:
        for start in range(len(row) - 31):
            value = gethash(row, start)
            if value in counts:
                counts[value] += 1
    return counts


def timed(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """Return a function's result and its CPU seconds."""
    start = time.process_time()
    result = function(*arguments)
    return result, time.process_time() - start


def ratios(n_tokens: int, n_sequences: int) -> None:
    """Print tokens a second of each way to count, and check that they agree."""
    rng = generator(0, "benchmark/counting")
    rows = made_up_text(n_tokens, rng)
    chosen = np.sort(rng.choice(len(rows), n_sequences, replace=False))
    sequences = rows[chosen]
    # Python's share is small: its time a token does not depend on how many there are.
    few, asked = rows[: 30_000 // WIDTH], sequences[:1000]

    counts, seconds = timed(by_tuples, few.tolist(), asked.tolist())
    obvious = seconds / few.size
    index = NgramIndex(asked, LENGTHS)
    ours = slot_counts(index, few, dict.fromkeys(LENGTHS, (0,)))
    for length in LENGTHS:
        grams = [tuple(gram) for gram in asked[:, 3 : 3 + length].tolist() if len(gram) == length]
        slots = index.slot[length][:, 3] if length <= WIDTH - 3 else []
        assert [counts[gram] for gram in grams] == ours[length, 0][slots].tolist()
    # The published script reads rows of 2049 tokens.
    wide = rows[: len(rows) // 32 * 32].reshape(-1, 32 * WIDTH)
    _, seconds = timed(by_hashes, wide[:8], asked)
    published = seconds / wide[:8].size

    index, building = timed(NgramIndex, sequences, LENGTHS)
    _, seconds = timed(slot_counts, index, rows, dict.fromkeys(LENGTHS, (0,)))
    every_length = seconds / rows.size
    halves = (1, 2, 4, 8, 16, 32)
    index = NgramIndex(sequences, halves)
    _, seconds = timed(slot_counts, index, wide, {32: (0,)})
    one_length = seconds / wide.size
    _, seconds = timed(count_sequences, rows, sequences, chosen)
    whole = seconds / rows.size
    _, reading = timed(lambda: [block.sum() for _, block in row_blocks(rows)])
    table = rng.integers(0, 2**64, VOCABULARY, dtype=np.uint64)
    _, hashing = timed(lambda: [table[block] * table[:1] for _, block in row_blocks(rows)])

    print(f"{rows.size:.0e} tokens, {n_sequences:,} sequences; CPU time of one core")
    for name, per_token, of in (
        (f"{len(LENGTHS)} lengths, tuples in a dictionary", obvious, obvious),
        (f"{len(LENGTHS)} lengths, one pass here", every_length, obvious),
        ("all counts, both passes and the index", whole, obvious),
        ("32 tokens, published hashes", published, published),
        ("32 tokens, one pass here", one_length, published),
        ("floor: a look-up and a product a token", hashing / rows.size, hashing / rows.size),
        ("floor: reading", reading / rows.size, reading / rows.size),
    ):
        print(f"{name:42s} {1 / per_token:13,.0f} tokens/s   x {of / per_token:,.0f}")
    print(
        f"the index: {len(sequences) / building:,.0f} sequences/s; a length costs "
        f"{every_length / len(LENGTHS) / (hashing / rows.size):.1f} such look-ups a token"
    )


def one_size(n_tokens: int, n_sequences: int, memory: int) -> None:
    """Print time and memory of all counts at one size."""
    rng = generator(0, "benchmark/counting")
    rows = made_up_text(n_tokens, rng)
    chosen = rng.integers(0, len(rows), n_sequences)
    sequences = rows[chosen]
    # A fifth of the sequences are not among the rows.
    chosen[::5] = -1
    before = _peak()
    wall, cpu = time.perf_counter(), time.process_time()
    count_sequences(rows, sequences, chosen, memory)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    passes = n_passes(n_sequences, memory)
    print(
        f"{rows.size:12,d} tokens {n_sequences:9,d} sequences {passes:3d} passes: "
        f"{cpu:8.1f} s CPU ({wall:.1f} s wall) {cpu / rows.size / passes * 1e9:6.0f} ns a token "
        f"and pass, {n_sequences / cpu:8,.0f} sequences/s; peak {_peak():.2f} GB, of that text "
        f"{rows.nbytes / 1e9:.2f} GB (before: {before:.2f} GB)",
        flush=True,
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


GROWTH = {
    "tokens": [(10**6, 10_000), (10**7, 10_000), (10**8, 10_000)],
    "sequences": [(10**6, 10**4), (10**6, 10**5), (10**6, 10**6)],
}


def main() -> None:
    """Print what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--growth", choices=GROWTH)
    parser.add_argument("--tokens", type=lambda text: int(float(text)))
    parser.add_argument("--sequences", type=lambda text: int(float(text)), default=20_000)
    parser.add_argument("--memory", type=lambda text: int(float(text)), default=MEMORY)
    arguments = parser.parse_args()
    if arguments.growth:
        for n_tokens, n_sequences in GROWTH[arguments.growth]:
            size = ["--tokens", str(n_tokens), "--sequences", str(n_sequences)]
            memory = ["--memory", str(arguments.memory)]
            subprocess.run([sys.executable, __file__, *size, *memory], check=True)
    elif arguments.tokens:
        one_size(arguments.tokens, arguments.sequences, arguments.memory)
    else:
        ratios(10**7, arguments.sequences)


if __name__ == "__main__":
    main()
