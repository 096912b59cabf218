"""Real labels of Pythia, from the public repository terarachang/MemPi (Apache-2.0).

python examples/mempi.py CHECKOUT TOKENIZER     # a checkout with its data, Pythia's tokenizer.json
python examples/mempi.py LABELLED.parquet       # or a table with text and memorized

after `dvc repro suite`, which makes the tokenizer that features are computed with.

From the sequences that Pythia-6.9b-deduped continues verbatim and random passages of the Pile it
makes what the repository ships of them: external/mempi.parquet, which the stage `external` reads,
and the text model of `memorization score`, results/models/portable/pythia. No text is in either.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pandas as pd
import torch
from tokenizers import Tokenizer

from memorization.features.own.command import read_tokenizer
from memorization.features.use import Sources
from memorization.risk import SHIPPED
from memorization.validation.analyse import PLAIN
from memorization.validation.command import score_ways
from memorization.validation.external import write_external
from memorization.validation.models import portable
from memorization.validation.read import read_labelled

DATA = "data/pile/EleutherAI/pythia-6.9b-deduped"
FILES = {True: "pile_bs0-100-dedup.pt", False: "pile_random_batch.pt"}
LENGTH = 64
ROOT = Path(__file__).parents[1]

ABOUT = {
    "labels": "505 sequences that Pythia-6.9b-deduped continues verbatim, against 2,046 random "
    "passages of the Pile",
    "source": "https://github.com/terarachang/MemPi",
    "licence": "Apache-2.0",
}
UNTESTED = (
    "other models, other languages than English and code, how often a text occurs, any population: "
    "the memorized and the others are two draws"
)


def labelled(checkout: Path, tokenizer: Path) -> pd.DataFrame:
    """Return the first 64 tokens of each sequence as text, and whether it is memorized."""
    decoder = Tokenizer.from_file(str(tokenizer))
    parts = []
    for memorized, name in FILES.items():
        tokens = torch.load(checkout / DATA / name, weights_only=True)[:, :LENGTH].tolist()
        texts = decoder.decode_batch(tokens, skip_special_tokens=True)
        parts.append(pd.DataFrame({"text": texts, "memorized": memorized}))
    return pd.concat(parts, ignore_index=True)


def main(source: Path, tokenizer: Path | None = None, root: Path = ROOT) -> None:
    """Write the table without text and the text model below a root folder.

    Features are of this study's tokenizer, so that they can be compared with its own.
    """
    with tempfile.TemporaryDirectory() as folder:
        table = source
        if tokenizer is not None:
            table = Path(folder, "mempi.parquet")
            labelled(source, tokenizer).to_parquet(table)
        texts = read_labelled(table)
    own = Sources(read_tokenizer(str(root / "results/suite")))
    ways = score_ways(texts, own, replicates=400, seed=0)
    write_external(root / "external/mempi.parquet", ways, ABOUT)
    model = portable(ways[PLAIN], ABOUT["labels"], UNTESTED, seed=0)
    model.save(root / SHIPPED)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:]))
