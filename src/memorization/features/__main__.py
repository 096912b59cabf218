"""Write the features of a table: ``python -m memorization.features INPUT OUTPUT``."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
from tokenizers import Tokenizer

from memorization.errors import UserError, run
from memorization.features.reading import Table, read_corpus, read_rows, readable, reason
from memorization.features.registry import FAMILIES
from memorization.features.text import Encoder
from memorization.features.use import (
    NEEDS,
    Short,
    Sources,
    check_index,
    check_known,
    choose_families,
    features_of_rows,
)
from memorization.files import replacing
from memorization.progress import progress
from memorization.protocol import SEQUENCE

if TYPE_CHECKING:
    from transformers import PreTrainedModel

TOKENIZER = Path("results/suite/tokenizer.json")
# Rows whose features are computed together: of 100 features they take about 50 MB, and a corpus is
# gone through once for them all.
ROWS = 65_536


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and write the features."""
    options = _parser().parse_args(arguments)
    tokenizer = read_tokenizer(options.tokenizer)
    # All that can be known to be wrong without work is told before it.
    table = Table(options.input)
    destination = check_destination(options.output, options.input, *_files_read(options))
    given = [need for need in NEEDS.values() if need and getattr(options, need) is not None]
    families = choose_families(options.tiers, options.families, given)
    check_index(table.index(), f"{options.input}: ")
    reference = options.reference and load_reference(options.reference, options.device)
    corpus, place = None, None
    if options.corpus is not None:
        corpus, place = read_corpus(options.corpus, Encoder(tokenizer))
        packed = "" if place is None else ", of documents one after another"
        print(f"{options.corpus}: {len(corpus):,} rows of {corpus.shape[1]:,} tokens{packed}")
    sources = Sources(tokenizer, corpus, reference, options.batch, place)
    parts = features_in_parts(table, sources, options.tiers, families, options.short, options.rows)
    try:
        n = _write(parts, destination)
    except OSError as error:
        raise UserError(f"{options.output}: cannot be written ({reason(error)})") from None
    if not n:
        raise UserError(f"{options.input}: no sequence of {SEQUENCE} tokens or more in it")
    left_out = f"; {len(table) - n:,} too short, left out" if n < len(table) else ""
    print(f"{options.output}: {n:,} sequences{left_out}")


def features_in_parts(
    table: Table,
    sources: Sources,
    tiers: Sequence[str],
    families: Sequence[str],
    short: Short,
    rows: int,
) -> Iterator[pd.DataFrame]:
    """Yield the features of a table, of so many of its rows at a time; none of a part without."""
    done, known = 0, np.zeros(0, bool)
    with progress("features", max(len(table), 1), "sequences") as advance:
        for found in read_rows(table, Encoder(sources.tokenizer), rows):
            if sources.corpus is not None and "corpus" in tiers:
                known = np.unique(np.append(known, found["row"][found["length"] == SEQUENCE] != -1))
                check_known(known, sources.corpus)
            part = features_of_rows(found, sources, tiers, families, short, done)
            if len(part):
                yield part
            done += len(found)
            advance(len(found))


def _write(parts: Iterator[pd.DataFrame], destination: Path) -> int:
    """Write a table as Parquet, whole or, where it has no row, not at all; return the rows."""
    first = next(parts, None)
    if first is None:
        return 0
    schema = pa.Schema.from_pandas(first, preserve_index=False).remove_metadata()
    n = 0
    with (
        replacing(destination) as partial,
        parquet.ParquetWriter(partial, schema, compression="zstd") as writer,
    ):
        for part in chain([first], parts):
            writer.write_table(pa.Table.from_pandas(part, schema, preserve_index=False))
            n += len(part)
    return n


def check_destination(destination: Path, *sources: Path) -> Path:
    """Return the file to write, with links followed; nothing is created.

    Raises a UserError if it is one of the files and folders that are read, or in one; if it is
    there and no regular file; or if it cannot be created.
    """
    try:
        real = destination.resolve()
        partial = real.with_name(real.name + ".partial")  # as files.replacing writes first
        if real.is_dir():
            raise UserError(f"{destination}: a folder; name the Parquet file to write")
        folder = next(above for above in real.parents if above.exists())
        # Its name is as long as the partial file's.
        tempfile.NamedTemporaryFile(prefix=real.name, dir=folder).close()
        for target in (real, partial):
            if target.exists() and not target.is_file():
                raise UserError(f"{target}: no regular file, not replaced; name another to write")
            for source in sources:
                if target.is_relative_to(source.resolve()):
                    raise UserError(
                        f"{destination}: writing it would change {source}, which is read; name "
                        "another file to write"
                    )
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(f"{destination}: cannot be written ({reason(error)})") from None
    return real


def read_tokenizer(path: Path | None) -> Tokenizer:
    """Return the tokenizer in a file, or in a folder's ``tokenizer.json``; None: the suite's."""
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


def load_reference(folder: Path, device: str = "cpu") -> PreTrainedModel:
    """Return a causal language model in evaluation mode, float32.

    Its folder holds ``config.json`` and weights in safetensors, as ``save_pretrained`` leaves them,
    of any architecture that transformers knows itself: code that comes with a model is not run.
    Raises a UserError if there is no such model, weights are missing, it takes fewer than 63
    tokens, or its logits are not simply its head on its last hidden state.
    """
    # Here, because they take seconds, which who asks for no reference should not wait.
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    from memorization.suite.device import choose_device

    if not (folder / "config.json").is_file():
        raise UserError(f"{folder}: no model here; it must hold config.json and model.safetensors")
    # What it would report is checked here.
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    with readable(folder, "model that can be loaded"):
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
        )
    model, found = loaded
    if found["missing_keys"]:
        some = ", ".join(sorted(found["missing_keys"])[:3])
        raise UserError(f"{folder}: weights are missing: {some}")
    model.eval()
    # As many tokens as are passed later: one that knows fewer positions fails here.
    tokens = torch.zeros((1, SEQUENCE - 1), dtype=torch.int64)
    kind = f"model that can be run on {SEQUENCE - 1} tokens"
    with torch.inference_mode(), readable(folder, kind):
        hidden = model.base_model(tokens, use_cache=False).last_hidden_state
        agree = torch.allclose(model.get_output_embeddings()(hidden), model(tokens).logits)
    if not agree:
        raise UserError(
            f"{folder}: {type(model).__name__} changes its logits after the output head, which is "
            "not supported; use another model, such as a GPT-NeoX"
        )
    return model.to(choose_device(device))


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
    add("input", type=Path, help="Parquet table with a column 'tokens' (integers) or 'text'")
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


if __name__ == "__main__":
    run(main)
