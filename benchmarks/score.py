"""How long does `memorization score` take, and how much memory, as the texts grow?

python benchmarks/score.py [TEXTS ...]

Scores texts of some 300 characters, words at random, from JSON Lines to Parquet in a process of its
own: by the text alone, and with counts over a corpus that the texts themselves make up.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SIZES = (10_000, 100_000, 1_000_000)
# With a corpus; what it takes grows with the corpus and the texts alike.
MOST_COUNTED = 100_000
WORDS = 45


def write_texts(path: Path, n: int) -> None:
    """Write n texts of words that are as frequent as those of a language."""
    rng = np.random.default_rng(0)
    letters = np.array(list("etaoinshrdlu"))
    words = ["".join(rng.choice(letters, rng.integers(2, 10))) for _ in range(20_000)]
    chance = 1 / np.arange(1, len(words) + 1)
    with path.open("w", encoding="utf-8") as file:
        for _ in range(n):
            drawn = rng.choice(len(words), WORDS, p=chance / chance.sum())
            file.write(json.dumps({"text": " ".join(words[word] for word in drawn)}) + "\n")


def main() -> None:
    """Print a row for each number of texts."""
    print("    texts   counts   seconds   texts/s   peak MB")
    with tempfile.TemporaryDirectory() as folder:
        texts = Path(folder, "texts.jsonl")
        for n in map(int, sys.argv[1:] or SIZES):
            write_texts(texts, n)
            for counts in (False, True):
                if counts and n > MOST_COUNTED:
                    continue
                command = [sys.executable, "-m", "memorization.cli", "score", str(texts)]
                command += ["--output", str(Path(folder, "risk.parquet"))]
                command += ["--corpus", str(texts), "--tokenizer", "bytes"] if counts else []
                start = time.perf_counter()
                subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
                seconds = time.perf_counter() - start
                # Of the largest child so far: sizes ascend.
                peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
                said = "yes" if counts else "no"
                print(
                    f"{n:9,} {said:>8} {seconds:9.1f} {n / seconds:9,.0f} {peak:9,.0f}", flush=True
                )


if __name__ == "__main__":
    main()
