from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from features.conftest import taken

from memorization.features.sibling import FAMILY


def greedy(model, prompts: np.ndarray) -> np.ndarray:
    rows = torch.from_numpy(prompts).long()
    with torch.no_grad():
        for _ in range(32):
            rows = torch.cat([rows, model(rows).logits[:, -1:].argmax(dim=2)], dim=1)
    return rows.numpy().astype(np.int32)


def test_match_lengths_are_those_of_greedy_decoding(inputs):
    small, large = inputs.siblings.values()
    prompts = np.random.default_rng(0).integers(1, 280, (4, 32))
    by_small, by_large = greedy(small, prompts), greedy(large, prompts)
    by_small[3, 40] = (by_small[3, 40] + 1) % 280  # the ninth token of the continuation is wrong
    tokens = np.concatenate([by_small, by_large])
    own = replace(taken(inputs, np.arange(len(tokens))), tokens=tokens, reference=None)
    columns = FAMILY.compute(own)
    assert columns["micro-1k_match_length"][:4].tolist() == [32, 32, 32, 8]
    assert columns["micro-2k_match_length"][4:].tolist() == [32, 32, 32, 32]


def test_the_match_length_of_the_reference_is_left_to_surprisal(inputs):
    columns = FAMILY.compute(replace(inputs, reference=inputs.siblings["micro-1k"]))
    assert "micro-1k_match_length" not in columns
    assert {"micro-1k_memorized", "micro-2k_match_length"} <= columns.keys()


def test_what_siblings_memorized_is_taken_from_their_evaluations(inputs):
    columns = FAMILY.compute(inputs)
    assert columns["micro-1k_memorized"].tolist() == [True] * 3 + [False] * 9
    assert columns["micro-2k_memorized"].tolist() == [True] * 6 + [False] * 6
    assert columns["n_memorized"].tolist() == [2] * 3 + [1] * 3 + [0] * 6


def test_a_sibling_that_cannot_be_run_has_no_match_length(inputs):
    siblings = {"micro-1k": inputs.siblings["micro-1k"]}
    columns = FAMILY.compute(replace(inputs, siblings=siblings, reference=None))
    assert "micro-2k_memorized" in columns
    assert "micro-1k_match_length" in columns
    assert "micro-2k_match_length" not in columns


def test_no_sibling_gives_no_column(inputs):
    assert FAMILY.compute(replace(inputs, memorized={}, siblings={})) == {}
