"""Texts of which those that are memorized look different."""

import numpy as np

WORDS = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in "lmnrst"]


def lists_and_words(n, seed):
    """Return texts, and which are memorized: every third, of which most are lists of numbers."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 3 == 0
    texts = [
        ", ".join(map(str, rng.integers(100, 999, 30)))
        if case and rng.random() < 0.8
        else " ".join(rng.choice(WORDS, 40))
        for case in truth
    ]
    return texts, truth
