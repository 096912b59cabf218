from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from memorization.features.sibling import FAMILY


def greedy(model, prompts: np.ndarray) -> np.ndarray:
    rows = torch.from_numpy(prompts).long()
    with torch.no_grad():
        for _ in range(32):
            rows = torch.cat([rows, model(rows).logits[:, -1:].argmax(dim=2)], dim=1)
    return rows.numpy().astype(np.int32)


def test_what_each_sibling_generates_is_memorized_by_it(inputs):
    small, large = inputs.siblings.values()
    prompts = np.random.default_rng(0).integers(1, 280, (4, 32))
    by_small, by_large = greedy(small, prompts), greedy(large, prompts)
    by_small[3, 40] = (by_small[3, 40] + 1) % 280  # the ninth token of the continuation is wrong
    tokens = np.concatenate([by_small, by_large])
    n = len(tokens)
    columns = FAMILY.compute(
        replace(
            inputs,
            tokens=tokens,
            index=np.arange(n),
            step=np.ones(n, dtype=np.int32),
            domain=np.full(n, None),
        )
    )
    assert columns["micro-1k_memorized"].tolist() == [1, 1, 1, 0, 0, 0, 0, 0]
    assert columns["micro-1k_match_length"][:4].tolist() == [32, 32, 32, 8]
    assert columns["micro-2k_memorized"].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert columns["n_memorized"].tolist() == [1, 1, 1, 0, 1, 1, 1, 1]


def test_no_sibling_gives_no_column(inputs):
    assert FAMILY.compute(replace(inputs, siblings={})) == {}
