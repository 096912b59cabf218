"""A predictor of memorization in ten lines: copy this file and put your own in.

    dvc repro split                  # once: trains the models, in minutes; no network, no GPU
    python examples/predictor.py     # a few seconds

A predictor is any function of `index`, an array of positions in training order, that returns a
score for each sequence (the higher, the likelier that the model can be made to recite it), or true
and false. A function of one index is accepted as well. It may look at the text, not at the model
that it predicts. What to beat is in paper/tables/whether_scores.md and paper/tables/siblings.md.

After `dvc exp run -S target=12b` the same file studies Pythia: where the sequences are too many to
ask about all, those of the study are used, and weighted to the population.
"""

import sys
import zlib

import numpy as np

from memorization.harness import Sample, evaluate_predictor
from memorization.suite.read import read_suite


def main(results: str = "results") -> None:
    """Evaluate two predictors against the two largest models of the suite."""
    suite = read_suite(f"{results}/suite")
    sample = None if suite.pool is None else Sample.read(results, suite)

    # How often each text begins a row of the training data.
    texts, counts = np.unique(suite.corpus[:, :64], axis=0, return_counts=True)
    copies = {text.tobytes(): int(count) for text, count in zip(texts, counts, strict=True)}

    def occurs_again(index: np.ndarray) -> np.ndarray:
        """Say yes to a text that other rows begin with as well."""
        tokens = suite.tokens(index).astype(texts.dtype)
        itself = suite.corpus_rows(index) >= 0
        return np.array([copies.get(row.tobytes(), 0) for row in tokens]) > itself

    def compressed_size(index: np.ndarray) -> list[int]:
        """Score a text by its bytes once compressed."""
        decoded = suite.tokenizer.decode_batch(suite.tokens(index).tolist())
        return [len(zlib.compress(text.encode())) for text in decoded]

    for target in suite.models[-2:]:
        for predictor in (occurs_again, compressed_size):
            print(f"\n--- {predictor.__name__} ---")
            print(evaluate_predictor(predictor, suite, target, sample=sample))


if __name__ == "__main__":
    main(*sys.argv[1:2])
