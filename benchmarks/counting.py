"""How fast are n-grams counted? Against per-row Python, side by side, and how does the cost grow?

python benchmarks/counting.py                                 the ratios and the floors
python benchmarks/counting.py --growth tokens|sequences       the growth, in processes of their own
python benchmarks/counting.py --tokens 3.2e8 --sequences 6e4  one size
python benchmarks/counting.py --workers 1 2 4                 by as many processes of Ray

The text is made up: words by Zipf's law, a third of it phrases that recur, one row in thirty a
copy of another. All that the corpus tier needs is counted: 34 lengths of n-gram, what follows
contexts, near-duplicates. Times are CPU seconds of one core; with Ray, seconds by the clock, its
start apart.
"""

from __future__ import annotations

import argparse
import logging
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from memorization.counting.counting import (
    LENGTHS,
    MEMORY,
    SequenceCounts,
    count_sequences,
    n_passes,
)
from memorization.counting.ngram_index import VOCABULARY, NgramIndex, row_blocks, slot_counts
from memorization.counting.shards import Engine, in_this_process, on_ray
from memorization.randomness import generator

WIDTH = 64
TYPES = 50_000
# Tokens that processes of Ray count.
WORKED = 4 * 10**7
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


def by_tuples(
    rows: list[list[int]], counts: dict[tuple[int, ...], int], lengths: Sequence[int]
) -> None:
    """Count the n-grams that a dictionary holds as one would write it down."""
    for row in rows:
        for length in lengths:
            for start in range(len(row) - length + 1):
                gram = tuple(row[start : start + length])
                if gram in counts:
                    counts[gram] += 1


def none_yet(sequences: list[list[int]], lengths: Sequence[int]) -> dict[tuple[int, ...], int]:
    """Return the dictionary of the sequences' n-grams, each 0."""
    return {
        tuple(sequence[start : start + length]): 0
        for sequence in sequences
        for length in lengths
        for start in range(len(sequence) - length + 1)
    }


def gethash(row: list[int], start: int, powers: list[int]) -> int:
    """Return the published script's polynomial hash of 32 tokens."""
    value = 0
    for i in range(32):
        value += powers[i] * row[start + i] % MODULUS
        value %= MODULUS
    return value


def by_hashes(rows: list[list[int]], counts: dict[int, int], powers: list[int]) -> None:
    """Count the 32-grams whose hash a dictionary holds, as the published script does."""
    for row in rows:
        for start in range(len(row) - 31):
            value = gethash(row, start, powers)
            if value in counts:
                counts[value] += 1


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
    # Python reads fewer rows: its time a token does not depend on how many. Dictionaries and
    # indices are made beforehand on both sides, of the same sequences.
    few = rows[: 100_000 // WIDTH]
    # The published script reads rows of 2049 tokens.
    wide = rows[: len(rows) // 32 * 32].reshape(-1, 32 * WIDTH)
    per_token: dict[str, tuple[float, str]] = {}
    index, building = timed(NgramIndex, sequences, LENGTHS)
    slot_counts(index, few[:1], {1: (0,)})  # compiled, or read from the compiler's cache

    def side_by_side(
        name: str, lengths: Sequence[int], index: NgramIndex, text: np.ndarray, n: int
    ) -> None:
        """Time the dictionary on ``n`` rows and the index on all, which must agree."""
        tuples = f"{name}, tuples in a dictionary"
        grams = none_yet(sequences.tolist(), lengths)
        _, seconds = timed(by_tuples, text[:n].tolist(), grams, lengths)
        per_token[tuples] = seconds / text[:n].size, tuples
        rooms = dict.fromkeys(lengths, (0,))
        ours = slot_counts(index, text[:n], rooms)
        for length in lengths:
            for place in range(WIDTH - length + 1):
                cut = sequences[:1000, place : place + length].tolist()
                expected = [grams[tuple(gram)] for gram in cut]
                slots = index.slot[length][:1000, place]
                assert ours[length, 0][slots].tolist() == expected, f"{length} tokens differ"
        _, seconds = timed(slot_counts, index, text, rooms)
        per_token[f"{name}, one pass here"] = seconds / text.size, tuples

    side_by_side(f"{len(LENGTHS)} lengths", LENGTHS, index, rows, len(few))
    halves = NgramIndex(sequences, (1, 2, 4, 8, 16, 32))
    side_by_side("32 tokens", (32,), halves, wide, len(few) // 32)
    powers = [BASE**i % MODULUS for i in range(32)]
    asked = sequences[:, 32:].tolist()
    hashes = {gethash(row, 0, powers): 0 for row in asked}
    _, seconds = timed(by_hashes, wide[:16].tolist(), hashes, powers)
    published = "32 tokens, published hashes"
    per_token[published] = seconds / wide[:16].size, published
    ours = slot_counts(halves, wide[:16], {32: (0,)})[32, 0][halves.slot[32][:, 32]]
    assert ours.tolist() == [hashes[gethash(row, 0, powers)] for row in asked], "hashes differ"
    per_token["32 tokens, one pass, against the hashes"] = (
        per_token["32 tokens, one pass here"][0],
        published,
    )
    _, seconds = timed(count_sequences, rows, sequences, chosen)
    first = next(iter(per_token))
    per_token["all counts, both passes and the index"] = seconds / rows.size, first
    _, reading = timed(lambda: [block.sum() for _, block in row_blocks(rows)])
    table = rng.integers(0, 2**64, VOCABULARY, dtype=np.uint64)
    _, hashing = timed(lambda: [table[block] * table[:1] for _, block in row_blocks(rows)])
    for name, floor in (("a look-up and a product a token", hashing), ("reading", reading)):
        per_token[f"floor: {name}"] = floor / rows.size, f"floor: {name}"

    print(f"{rows.size:.0e} tokens, {n_sequences:,} sequences; CPU time of one core")
    for name, (own, of) in per_token.items():
        print(f"{name:42s} {1 / own:13,.0f} tokens/s   x {per_token[of][0] / own:,.0f}")
    every_length = per_token[f"{len(LENGTHS)} lengths, one pass here"][0]
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


def by_workers(n_tokens: int, n_sequences: int, numbers: Sequence[int]) -> None:
    """Print the time of all counts by this process, and by so many of Ray's, which must agree."""
    import ray

    rng = generator(0, "benchmark/counting")
    rows = made_up_text(n_tokens, rng)
    chosen = np.sort(rng.choice(len(rows), n_sequences, replace=False))
    count_sequences(rows[:1000], rows[chosen[:10]], np.full(10, -1))  # compiled, or read

    def seconds(engine: Engine) -> tuple[SequenceCounts, float]:
        start = time.perf_counter()
        found = count_sequences(rows, rows[chosen], chosen, engine=engine)
        return found, time.perf_counter() - start

    alone, own = seconds(in_this_process)
    print(
        f"{rows.size:.0e} tokens, {n_sequences:,} sequences, {len(os.sched_getaffinity(0))} cores"
    )
    print(f"{'this process':>14} {own:8.1f} s")
    for number in numbers:
        ray.init(
            "local",
            num_cpus=number,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
        # Each process imports, and reads from the compiler's cache, what it needs.
        few = rows[:1000], rows[chosen[:10]], np.full(10, -1)
        ray.get([ray.remote(count_sequences).remote(*few) for _ in range(number)])
        found, took = seconds(on_ray)
        ray.shutdown()
        print(f"{f'ray, {number}':>14} {took:8.1f} s   efficiency {own / took / number:.0%}")
        for field in fields(SequenceCounts):
            one, other = getattr(alone, field.name), getattr(found, field.name)
            ones, others = ([*x.values()] if isinstance(x, dict) else [x] for x in (one, other))
            for x, y in zip(ones, others, strict=True):
                np.testing.assert_array_equal(x, y, err_msg=field.name)
    print("all found the same")


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
    parser.add_argument("--workers", type=int, nargs="+")
    arguments = parser.parse_args()
    if arguments.growth:
        for n_tokens, n_sequences in GROWTH[arguments.growth]:
            size = ["--tokens", str(n_tokens), "--sequences", str(n_sequences)]
            memory = ["--memory", str(arguments.memory)]
            subprocess.run([sys.executable, __file__, *size, *memory], check=True)
    elif arguments.workers:
        by_workers(arguments.tokens or WORKED, arguments.sequences, arguments.workers)
    elif arguments.tokens:
        one_size(arguments.tokens, arguments.sequences, arguments.memory)
    else:
        ratios(10**7, arguments.sequences)


if __name__ == "__main__":
    main()
