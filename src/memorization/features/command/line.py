"""The command line: ``python -m memorization.features INPUT OUTPUT``."""

from __future__ import annotations

import argparse
from pathlib import Path

from tokenizers import Tokenizer

from memorization.errors import UserError
from memorization.features.command.corpus import read_windows
from memorization.features.command.reference import load_reference
from memorization.features.command.rows import open_parquet
from memorization.features.command.write import ROWS, write_features
from memorization.features.registry import FAMILIES
from memorization.features.tokenize import Encoder
from memorization.features.use import NEEDS, Sources
from memorization.progress import progress

TOKENIZER = Path("results/suite/tokenizer.json")


def main() -> None:
    """Read the command line and write the features."""
    options = _parser().parse_args()
    tokenizer = read_tokenizer(options.tokenizer)
    sources = Sources(
        tokenizer,
        None if options.corpus is None else read_windows(options.corpus, Encoder(tokenizer)),
        None if options.reference is None else load_reference(options.reference, options.device),
        options.batch,
    )
    total = open_parquet(options.input).metadata.num_rows
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
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more specific
        raise UserError(f"{path}: not a tokenizer ({error})") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m memorization.features",
        description="Compute the features of the first 64 tokens of each sequence in a table.",
        epilog="Further columns of the input: index (default: 0, 1, …), and corpus_row, the row of "
        "the corpus that begins with the sequence where one does: without it, a sequence that is "
        f"in the corpus is taken for one more copy. Families: {', '.join(FAMILIES)}.",
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
