"""Which models at which checkpoints, on which data?

python -m memorization.stages.suite
"""

from pathlib import Path

import torch

from memorization.params import load_params
from memorization.stages import run
from memorization.suite.micro import make_suite


def main() -> None:
    """Train the micro suite on the corpus."""
    params = load_params()
    torch.set_num_threads(params.threads)
    make_suite(params, Path("data/corpus.tar.xz"), Path("results/suite"))


if __name__ == "__main__":
    run(main)
