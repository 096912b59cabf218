"""Which models at which checkpoints, on which data?

python -m memorization.stages.suite
"""

from pathlib import Path

import torch

from memorization.params import load_params
from memorization.stages import run_stage

DESTINATION = Path("results/suite")


def main() -> None:
    """Train the micro suite on the corpus, or fetch what was published of another."""
    params = load_params()
    torch.set_num_threads(params.threads)
    # Each suite's libraries are loaded by its own runs only.
    if params.is_published:
        from memorization.suite.declared.declaration import of_target
        from memorization.suite.inserted.make import make_suite as fetch_inserted
        from memorization.suite.pythia.make import make_suite as fetch_evaluated

        made = {"evaluated": fetch_evaluated, "inserted": fetch_inserted}
        made[of_target(params.target).layout](params, DESTINATION)
    else:
        from memorization.suite.micro.make import make_suite as train_suite

        train_suite(params, Path("data/corpus.tar.xz"), DESTINATION)


if __name__ == "__main__":
    run_stage(main)
