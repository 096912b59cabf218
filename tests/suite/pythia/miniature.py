"""A published suite in miniature, as it was published: what the hub serves, and the truth."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import torch
import zstandard
from safetensors.torch import save
from tokenizers import Tokenizer
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from memorization.suite.micro.corpus import Document, train_tokenizer
from memorization.suite.pythia.facts import Facts, PublishedModel

WINDOW = 80
POPULATION = 600
EVALS = "datasets/EleutherAI/pythia-memorized-evals"
SAMPLE = "datasets/EleutherAI/pile-duped-pythia-random-sampled"
PRESHUFFLED = "datasets/EleutherAI/pile-standard-pythia-preshuffled"
DUPLICATES = "datasets/usvsnsp/generation-num-duplicates"
FREQUENCIES = "datasets/usvsnsp/duped-num-frequencies"
RAW = "datasets/monology/pile-uncopyrighted"
MODEL = "EleutherAI/pythia-70m-v0"
TEXTS = [
    f"{word} number {n}, and so on and so forth: {'la ' * n}"
    for n in range(40)
    for word in ("one", "another", "the third")
]


@dataclass
class Published:
    """What was published, and the truth behind it.

    Attributes
    ----------
    facts : of the suite.
    rows : uint16 [600, 80], the training data in training order.
    memorized : split -> index, ascending.
    sampled : index of the random sample, ascending.
    tokenizer, reference : of the suite; the model at its last checkpoint.
    repositories : what the hub serves.
    """

    facts: Facts
    rows: np.ndarray
    memorized: dict[str, np.ndarray]
    sampled: np.ndarray
    tokenizer: Tokenizer
    reference: GPTNeoXForCausalLM
    repositories: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)

    def files(self, repository: str) -> dict[str, bytes]:
        """Return the files of a repository's only revision, to be changed."""
        return next(iter(self.repositories[repository].values()))


def table(columns: dict[str, pa.Array]) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pa.table(columns), sink)
    return sink.getvalue()


def lists(tokens: np.ndarray, kind: pa.DataType) -> pa.Array:
    offsets = np.arange(len(tokens) + 1) * tokens.shape[1]
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(tokens.ravel(), kind))


def labels(index: np.ndarray, rows: np.ndarray) -> bytes:
    """A file of the labels: the columns of EleutherAI/pythia-memorized-evals."""
    return table(
        {
            "index": pa.array(index, pa.int64()),
            "tokens": lists(rows[index, :64], pa.int64()),
            "__index_level_0__": pa.array(index, pa.int64()),
        }
    )


def megatron_index(n: int, window: int, dtype: int = 8) -> bytes:
    """A Megatron index file, by the code of EleutherAI/pythia, utils/mmap_dataset.py."""
    header = b"MMIDIDX\x00\x00" + struct.pack("<Q", 1) + struct.pack("<B", dtype)
    header += struct.pack("<Q", n) + struct.pack("<Q", 1)
    sizes = np.full(n, window, np.int32)
    pointers = np.arange(n, dtype=np.int64) * window * 2
    return header + sizes.tobytes() + pointers.tobytes() + np.zeros(1, np.int64).tobytes()


def _models() -> tuple[PublishedModel, ...]:
    shapes = {"70m": (1, 16, 2), "160m": (1, 32, 2), "410m": (2, 32, 2)}
    return tuple(
        PublishedModel(name, 1000 * size, *shape, 320)
        for size, (name, shape) in enumerate(shapes.items(), 1)
    )


def _reference() -> GPTNeoXForCausalLM:
    torch.manual_seed(0)
    config = GPTNeoXConfig(
        vocab_size=320,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=WINDOW,
        rotary_pct=0.25,
    )
    return GPTNeoXForCausalLM(config).half().eval()


def _weights(model: GPTNeoXForCausalLM) -> dict[str, torch.Tensor]:
    """The weights by the names that they were published by, with the buffers of that time."""
    published = {
        name.replace("lm_head.", "embed_out."): value.contiguous()
        for name, value in model.state_dict().items()
    }
    mask = torch.ones(1, 1, WINDOW, WINDOW).tril().to(torch.uint8)
    prefix = "gpt_neox.layers.0.attention"
    return published | {
        f"{prefix}.bias": mask,
        f"{prefix}.masked_bias": torch.tensor(-1e9, dtype=torch.float16),
        f"{prefix}.rotary_emb.inv_freq": torch.ones(1, dtype=torch.float16),
    }


def _config() -> bytes:
    """config.json, with the keys of that time."""
    return json.dumps(
        {
            "architectures": ["GPTNeoXForCausalLM"],
            "bos_token_id": 0,
            "eos_token_id": 0,
            "hidden_act": "gelu",
            "hidden_size": 16,
            "initializer_range": 0.02,
            "intermediate_size": 64,
            "layer_norm_eps": 1e-05,
            "max_position_embeddings": WINDOW,
            "model_type": "gpt_neox",
            "num_attention_heads": 2,
            "num_hidden_layers": 1,
            "rotary_emb_base": 10000,
            "rotary_pct": 0.25,
            "tie_word_embeddings": False,
            "torch_dtype": "float16",
            "transformers_version": "4.24.0",
            "use_cache": True,
            "use_parallel_residual": True,
            "vocab_size": 320,
        }
    ).encode()


def as_bin(model: GPTNeoXForCausalLM) -> bytes:
    sink = io.BytesIO()
    torch.save(_weights(model), sink)
    return sink.getvalue()


def _memorized(rng: np.random.Generator) -> dict[str, np.ndarray]:
    found, known = {}, np.empty(0, np.int64)
    for model, share in (("70m", 0.03), ("160m", 0.06), ("410m", 0.1)):
        more = rng.choice(POPULATION, int(share * POPULATION), replace=False)
        known = np.union1d(rng.permutation(known)[: int(0.9 * len(known))], more)
        found[f"duped.{model}"] = known
    for step in (25, 50):
        seen = known[known < 6 * step]
        found[f"duped.410m.{step}"] = np.sort(rng.permutation(seen)[: len(seen) // 2])
    return found


def _label_files(memorized: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, bytes]:
    files = {}
    for split, index in memorized.items():
        # In the order of two ranks, of which the first ran on into what the second did as well.
        half = len(index) // 2
        parts = [index[half:], np.append(index[:half], index[half : half + 2])]
        for number, part in enumerate(parts):
            name = f"data/{split}-0000{number}-of-00002-32aba806c41e78bf.parquet"
            files[name] = labels(part, rows)
    files["data/duped.70m.new-00000-of-00001.parquet"] = b"none of ours"
    return files


def _sample_file(sampled: np.ndarray, memorized: dict, rows: np.ndarray, rng: np.random.Generator):
    index = rng.permutation(np.append(sampled, sampled[:1]))
    columns = {"Index": pa.array(index, pa.int64())}
    for model in ("70m", "160m", "410m"):
        score = np.where(np.isin(index, memorized[f"duped.{model}"]), 1, rng.integers(0, 32) / 32)
        columns[model.upper()] = pa.array(score, pa.float64())
    columns["Tokens"] = lists(rows[index, :64], pa.uint16())
    return table(columns)


def _raw_files() -> dict[str, bytes]:
    lines = "".join(
        json.dumps({"text": text, "meta": {"pile_set_name": "X"}}) + "\n" for text in TEXTS
    )
    halves = lines.splitlines(keepends=True)
    compress = zstandard.ZstdCompressor().compress
    return {
        "train/00.jsonl.zst": compress("".join(halves[:50]).encode()),
        "train/01.jsonl.zst": compress("".join(halves[50:]).encode()),
        "val.jsonl.zst": compress(b'{"text": "not for training"}\n'),
    }


def make_published() -> Published:
    """Return a suite of three models, its training data and what the hub has of them."""
    rng = np.random.default_rng(0)
    tokenizer = train_tokenizer([Document("name", "prose", text) for text in TEXTS], 300)
    rows = rng.integers(1, 300, (POPULATION, WINDOW)).astype(np.uint16)
    memorized = _memorized(rng)
    sampled = np.sort(rng.choice(POPULATION, 200, replace=False))
    files = _label_files(memorized, rows)
    counted = {split: len(index) + 2 for split, index in memorized.items()}
    facts = Facts(
        population=POPULATION,
        sequences_per_step=6,
        window=WINDOW,
        steps=(25, 50, 75, 100),
        models=_models(),
        rows=counted,
        sample_rows=201,
        evaluated={"410m": (25, 50)},
        first_epoch={"duped": 60},
    )
    reference = _reference()
    published = Published(facts, rows, memorized, sampled, tokenizer, reference)
    data, cut = rows.astype("<u2").tobytes(), 160 * 123 + 7
    counts = np.arange(POPULATION, dtype=np.uint32) % 7 + 1
    frequency = {"TokenID": pa.array(np.arange(300)), "Frequency": pa.array(np.arange(300) * 10)}
    published.repositories = {
        EVALS: {"main": files},
        SAMPLE: {
            "main": {
                "data/train-00000-of-00001-f31e.parquet": _sample_file(
                    sampled, memorized, rows, rng
                )
            }
        },
        PRESHUFFLED: {
            "main": {
                "document-00000-of-00002.bin": data[:cut],
                "document-00001-of-00002.bin": data[cut : 2 * cut],
                "document-00002-of-00002.bin": data[2 * cut :],
                "document.idx": megatron_index(POPULATION, WINDOW),
            }
        },
        DUPLICATES: {
            "main": {
                f"data/duped-0000{part}-of-00002.parquet": table(
                    {
                        "sequence_id": pa.array(np.arange(part, POPULATION, 2), pa.uint32()),
                        "counts": pa.array(counts[part::2], pa.uint32()),
                    }
                )
                for part in (0, 1)
            }
        },
        FREQUENCIES: {
            "main": {
                f"data/{split}-00000-of-00001.parquet": table(frequency)
                for split in ("memorized", "non_memorized")
            }
        },
        RAW: {"main": _raw_files()},
        MODEL: {
            "step100": {
                "config.json": _config(),
                "model.safetensors": save(_weights(reference), {"format": "pt"}),
                "pytorch_model.bin": as_bin(reference),
                "tokenizer.json": tokenizer.to_str().encode(),
                "optimizer.pt": b"twelve gigabytes",
            }
        },
    }
    return published
