from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from memorization.features import Inputs, Sources
from memorization.features.family import PER_SEQUENCE

VOCABULARY = 280


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(
        ["the cat sat on the mat, the naïve café in Zürich"] * 50, trainer
    )
    return tokenizer


def tiny_model(seed: int, hidden: int = 16) -> GPTNeoXForCausalLM:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = GPTNeoXConfig(
            vocab_size=VOCABULARY,
            hidden_size=hidden,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=2 * hidden,
            max_position_embeddings=64,
            initializer_range=0.5,  # predictions far from uniform
            bos_token_id=0,
            eos_token_id=0,
        )
        return GPTNeoXForCausalLM(config).eval()


@pytest.fixture(scope="session")
def reference() -> GPTNeoXForCausalLM:
    return tiny_model(seed=0)


@pytest.fixture(scope="session")
def inputs(tokenizer: Tokenizer, reference: GPTNeoXForCausalLM) -> Inputs:
    """Return 12 sequences: one constant, one all end-of-text, some repeated, the rest random."""
    rng = np.random.default_rng(0)
    windows = rng.integers(0, VOCABULARY, (40, 80)).astype(np.uint16)
    windows[1] = 7
    windows[2] = 0
    windows[3:6] = windows[6]
    index = np.arange(12)
    return Inputs(
        index=index,
        tokens=windows[:12, :64].astype(np.int32),
        step=(index // 4 + 1).astype(np.int32),
        domain=np.array(["code", "law", None] * 4, dtype=object),
        windows=windows,
        rows=index,
        corpus_step=(np.arange(40) // 4 + 1).astype(np.int32),
        corpus_place=np.arange(40)[:, None] * [80, 70],
        context=windows[index],
        offset=10 * index,
        document_length=10 * index + 100,
        epoch=index // 9,
        duplicates=index % 5 + 1,
        tokenizer=tokenizer,
        reference=reference,
        memorized={"micro-1k": index < 3, "micro-2k": index < 6},
        siblings={"micro-1k": reference, "micro-2k": tiny_model(seed=1, hidden=32)},
        batch=5,
    )


@pytest.fixture(scope="session")
def sources(inputs: Inputs) -> Sources:
    """Return what features of one's own sequences are computed from: the same as of ``inputs``."""
    return Sources(inputs.tokenizer, inputs.windows, inputs.reference, batch=5)


def taken(inputs: Inputs, rows: np.ndarray) -> Inputs:
    """Return the inputs of some of the sequences."""
    own = {name: getattr(inputs, name) for name in PER_SEQUENCE}
    return replace(
        inputs,
        **{name: values if values is None else values[rows] for name, values in own.items()},
        memorized={name: values[rows] for name, values in inputs.memorized.items()},
    )
