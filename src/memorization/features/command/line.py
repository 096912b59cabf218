"""The command line: ``python -m memorization.features INPUT OUTPUT``."""

from __future__ import annotations

import argparse
from pathlib import Path

from tokenizers import Tokenizer

from memorization.errors import UserError
from memorization.features.command.corpus import read_corpus
from memorization.features.command.files import readable
from memorization.features.command.reference import load_reference
from memorization.features.command.rows import Table
from memorization.features.command.write import ROWS, check_request, write_features
from memorization.features.registry import FAMILIES
from memorization.features.tokenize import Encoder
from memorization.features.use import NEEDS, Sources
from memorization.progress import progress
from memorization.protocol import SEQUENCE

TOKENIZER = Path("results/suite/tokenizer.json")


def main() -> None:
    """Read the command line and write the features."""
    options = _parser().parse_args()
    tokenizer = read_tokenizer(options.tokenizer)
    encoder = Encoder(tokenizer)
    check_request(
        options.input,
        options.output,
        options.tiers,
        options.families,
        [need for need in NEEDS.values() if need and getattr(options, need) is not None],
        _files_read(options),
    )
    # First, because it takes seconds, and a corpus may take long.
    reference = options.reference and load_reference(options.reference, options.device)
    corpus, place = None, None
    if options.corpus is not None:
        corpus, place = read_corpus(options.corpus, encoder)
        packed = "" if place is None else ", of documents one after another"
        print(f"{options.corpus}: {len(corpus):,} rows of {corpus.shape[1]:,} tokens{packed}")
    sources = Sources(tokenizer, corpus, reference, options.batch, place)
    total = len(Table.open(options.input))
    with progress("features", max(total, 1), "sequences") as advance:
        n = write_features(
            options.input,
            options.output,
            sources,
            options.tiers,
            options.families,
            options.short,
            options.rows,
            advance,
        )
    left_out = f"; {total - n:,} too short, left out" if n < total else ""
    print(f"{options.output}: {n:,} sequences{left_out}")


def read_tokenizer(path: Path | None) -> Tokenizer:
    """Return the tokenizer in a file, or in a folder's ``tokenizer.json``; None: the suite's.

    Raises
    ------
    UserError
        If there is none.
    """
    if path is None and not TOKENIZER.exists():
        raise UserError(
            f"no tokenizer: there is no {TOKENIZER} here; pass one (--tokenizer tokenizer.json)"
        )
    path = TOKENIZER if path is None else path
    path = path / "tokenizer.json" if path.is_dir() else path
    if not path.is_file():
        raise UserError(f"{path}: no such tokenizer; pass a tokenizer.json, or its folder")
    with readable(path, "tokenizer"):
        return Tokenizer.from_file(str(path))


def _files_read(options: argparse.Namespace) -> list[Path]:
    """Return what is read besides the table, that writing must leave as it is."""
    tokenizer = options.tokenizer or TOKENIZER
    files = [tokenizer / "tokenizer.json" if tokenizer.is_dir() else tokenizer]
    files += [] if options.corpus is None else [options.corpus]
    for kind in ("*.json", "*.safetensors"):
        files += [] if options.reference is None else options.reference.glob(kind)
    return files


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m memorization.features",
        description="Compute the features of the first 64 tokens of each sequence in a table.",
        epilog="Further columns of the input: index (default: 0, 1, …), and corpus_row, the row of "
        "the corpus that begins with the sequence where one does: without it, a sequence that is "
        "in the corpus is taken for one more copy. Where the corpus's rows are longer than "
        f"{SEQUENCE} tokens, give all sequences a corpus_row or none. "
        f"Families: {', '.join(FAMILIES)}.",
    )
    add = parser.add_argument
    add(
        "input",
        type=Path,
        help="Parquet table with a column 'tokens' (lists of integers) or 'text'",
    )
    add("output", type=Path, help="Parquet table to write: index and one column a feature")
    add("--tiers", nargs="+", default=["text"], metavar="TIER", help=f"of {', '.join(NEEDS)}")
    add("--families", nargs="+", metavar="NAME", help="default: all that have such a feature")
    add("--corpus", type=Path, help="what to count over: .npy, Parquet, a text or a folder")
    add("--reference", type=Path, help="folder of the model whose surprisal is computed")
    add("--tokenizer", type=Path, help=f"tokenizer.json or its folder; default: {TOKENIZER}")
    add(
        "--short",
        choices=["error", "drop", "null"],
        default="error",
        help="what becomes of a text of fewer than 64 tokens: the command fails (default), no row, "
        "or a row of missing values",
    )
    add("--batch", type=_positive, default=256, help="sequences a forward pass (%(default)s)")
    add("--rows", type=_positive, default=ROWS, help="sequences at once (%(default)s)")
    add("--device", choices=["cpu", "cuda", "auto"], default="cpu", help="for the reference")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of at least 1")
    return int(text)
