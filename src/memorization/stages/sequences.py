"""Which training sequences are there, which do we follow, and how many does each stand for?

python -m memorization.stages.sequences
"""

import numpy as np
import pandas as pd

from memorization.counting.runs import occurrence_counts
from memorization.params import Params, load_params
from memorization.protocol import PROMPT
from memorization.randomness import generator
from memorization.sampling import NOTHING, by_count, case_cohort
from memorization.stages import run_stage
from memorization.suite import Suite
from memorization.suite.inserted.suite import InsertedSuite
from memorization.suite.micro.suite import MicroSuite
from memorization.suite.read import labelled, read_suite
from memorization.tables import SEQUENCES, token_column, write_table


def main() -> None:
    """Take the census and draw those to follow; of Pythia, draw the case-cohort sample."""
    params = load_params()
    suite = read_suite("results/suite")
    rows = census(params, suite) if isinstance(suite, MicroSuite) else sample(params, suite)
    index = rows["index"].to_numpy()
    if isinstance(suite, InsertedSuite):
        step = suite.first_step(index)
    else:
        step = index // suite.sequences_per_step + 1
    rows.insert(1, "step", step.astype(np.int32))
    rows.insert(2, "tokens", token_column(suite.tokens(index)))
    rows.insert(3, "domain", suite.domains(index))
    write_table(rows, "results/sequences.parquet", SEQUENCES)


def census(params: Params, suite: MicroSuite) -> pd.DataFrame:
    """Return all sequences, some of each stratum of their continuation's count followed."""
    index = suite.population_index
    continuations = suite.tokens(index)[:, PROMPT:]
    count = occurrence_counts(suite.corpus, continuations)
    rng = generator(params.seed, "followed")
    followed, weight = by_count(count, params.sequences.followed, rng)
    return pd.DataFrame(
        {"index": index, "case": False, "weight": 1.0, "followed": followed, "when_weight": weight}
    )


def sample(params: Params, suite: Suite) -> pd.DataFrame:
    """Return a case-cohort sample, all of it followed.

    Where no labels of the target were published, the cases are another model's, or there are none.
    """
    known = labelled(suite)[-1:]
    size = params.pythia.sequences
    rows = case_cohort(
        suite.population,
        suite.memorized(known[0]) if known else NOTHING,
        size.cases,
        size.cohort,
        generator(params.seed, "sample"),
        suite.pool,
        suite.not_studied,
    )
    return rows.assign(followed=True, when_weight=rows["weight"])


if __name__ == "__main__":
    run_stage(main)
