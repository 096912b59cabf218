"""Which training sequences do we study, and how many does each stand for?

python -m memorization.stages.sequences
"""

import numpy as np

from memorization.errors import run
from memorization.params import load_params
from memorization.randomness import generator
from memorization.sampling import case_cohort
from memorization.suite.read import read_suite
from memorization.tables import SEQUENCES, token_column, write_table


def main() -> None:
    """Draw the case-cohort sample."""
    params = load_params()
    suite = read_suite("results/suite")
    size = params.sample_size
    sample = case_cohort(
        suite.population,
        suite.memorized(params.target),
        size.cases,
        size.cohort,
        generator(params.seed, "sample"),
        suite.pool,
        suite.not_studied,
    )
    index = sample["index"].to_numpy()
    sample.insert(1, "step", (index // suite.sequences_per_step + 1).astype(np.int32))
    sample.insert(2, "tokens", token_column(suite.tokens(index)))
    sample.insert(3, "domain", suite.domains(index))
    write_table(sample, "results/sequences.parquet", SEQUENCES)


if __name__ == "__main__":
    run(main)
