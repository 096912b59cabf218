"""Hubble in miniature: the same texts inserted by lottery in several runs, or in none.

``python -m standin.hubble FOLDER`` writes the repositories and ``hubble.json``, which
``pythia.facts`` is to name.
"""

from __future__ import annotations

import gzip
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from transformers import LlamaConfig, LlamaForCausalLM

from standin.models import train
from standin.population import SEQUENCE, Text, make_text, some_sequences
from standin.repositories import write
from standin.tables import Files

SIZE = "hubble-1b-100b"
# Dose -> texts of a data set.
DOSES = {0: 28, 8: 12, 32: 4, 128: 4}
PHASES = {
    "standard": None,
    "perturbed": (0.0, 1.0),
    "injectrange_0_50": (0.0, 0.5),
    "injectrange_50_100": (0.5, 1.0),
}
FILES = {f"allegrolab/{name}": f"{name}_nodup.jsonl.gz" for name in ("passages_a", "passages_b")}
STEPS, PER_STEP, CHECKPOINTS = 240, 16, 8
VOCABULARY, PEAK = 512, 0.008


@dataclass(frozen=True)
class Hubble:
    """What is true: of the texts, in the order of the files.

    Attributes
    ----------
    sequences : int [n, 64], the first tokens of each.
    dose : int [n].
    generated : run -> whether the model generates the continuation at the end, bool [n].
    steps : of the checkpoints.
    """

    sequences: np.ndarray
    dose: np.ndarray
    generated: dict[str, np.ndarray]
    steps: tuple[int, ...]


def make_hubble(folder: Path) -> Hubble:
    """Write everything that was published of Hubble, in miniature."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rng = np.random.default_rng(7)
    text = make_text(400_000, VOCABULARY, rng)
    try:
        return _make(folder, text, rng)
    finally:
        torch.set_num_threads(threads)


def _make(folder: Path, text: Text, rng: np.random.Generator) -> Hubble:
    steps = tuple(STEPS * i // CHECKPOINTS for i in range(1, CHECKPOINTS + 1))
    doses = np.repeat(list(DOSES), list(DOSES.values()))
    dose = np.concatenate([rng.permutation(doses) for _ in FILES])
    passages, sequences = _passages(text, len(dose), rng)
    copies = np.repeat(np.arange(len(dose)), dose)
    background = some_sequences(text, STEPS * PER_STEP, SEQUENCE, rng)
    repositories: dict[str, dict[str, Files]] = {}
    for place, (name, file) in enumerate(FILES.items()):
        rows = range(place * len(doses), (place + 1) * len(doses))
        meta = ({"title": f"text {row}", "duplicates": int(dose[row])} for row in rows)
        lines = [
            json.dumps({"text": passages[row], "meta": json.dumps(own)}) + "\n"
            for row, own in zip(rows, meta, strict=True)
        ]
        lines.append(json.dumps({"text": "short", "meta": '{"duplicates": 4}'}) + "\n")
        repositories[f"datasets/{name}"] = {"main": {file: gzip.compress("".join(lines).encode())}}
    generated: dict[str, np.ndarray] = {}
    for place, (run, phase) in enumerate(PHASES.items()):
        own = np.random.default_rng([7, place])
        rows = background.copy()
        if phase is not None:
            start, stop = (round(part * len(rows)) for part in phase)
            where = start + own.choice(stop - start, len(copies), replace=False)
            rows[where] = sequences[copies]
        model = _new_model()
        weights = train(model, rows, PER_STEP, steps, PEAK)
        common = {"config.json": _config(), "tokenizer.json": _tokenizer(text)}
        branches = {
            f"step{step}": common | {"model.safetensors": save(weights[step], {"format": "pt"})}
            for step in steps
        }
        model.load_state_dict(weights[steps[-1]])
        generated[run] = _generated(model.float().eval(), sequences)
        name = f"allegrolab/{SIZE}_toks-{run}-hf"
        repositories[name] = branches | {"main": branches[f"step{steps[-1]}"]}
    write(folder, repositories)
    (folder / "hubble.json").write_text(json.dumps(_facts(steps), indent=1) + "\n")
    return Hubble(sequences, dose, generated, steps)


def _passages(text: Text, n: int, rng: np.random.Generator) -> tuple[list[str], np.ndarray]:
    """Return texts, and the tokens that each begins with."""
    found, tokens = [], []
    while len(found) < n:
        [run] = some_sequences(text, 1, 100, rng)
        passage = text.tokenizer.decode(run.tolist())
        again = text.tokenizer.encode(passage, add_special_tokens=False).ids
        if len(again) >= SEQUENCE and 0 not in again[:SEQUENCE]:
            found.append(passage)
            tokens.append(again[:SEQUENCE])
    return found, np.array(tokens)


def _llama() -> LlamaConfig:
    return LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        initializer_range=0.06,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=0,
    )


def _new_model() -> LlamaForCausalLM:
    torch.manual_seed(7)
    return LlamaForCausalLM(_llama())


def _config() -> bytes:
    said = _llama().to_dict() | {"architectures": ["LlamaForCausalLM"], "dtype": "float16"}
    return json.dumps(said).encode()


def _tokenizer(text: Text) -> bytes:
    return text.tokenizer.to_str().encode()


@torch.inference_mode()
def _generated(model: LlamaForCausalLM, sequences: np.ndarray) -> np.ndarray:
    tokens = torch.from_numpy(sequences.astype(np.int64))
    prompt = tokens[:, :32]
    out = model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        do_sample=False,
        min_new_tokens=32,
        max_new_tokens=32,
        pad_token_id=0,
        eos_token_id=VOCABULARY + 1,
    )
    return (out[:, 32:] == tokens[:, 32:]).all(1).numpy()


def _facts(steps: tuple[int, ...]) -> dict:
    config = _llama()
    model = {
        "name": SIZE,
        "parameters": sum(p.numel() for p in _new_model().parameters()),
        "layers": config.num_hidden_layers,
        "hidden": config.hidden_size,
        "heads": config.num_attention_heads,
        "vocabulary": VOCABULARY,
        "architecture": "llama",
    }
    runs = [{"models": [SIZE], "names": [run], "phase": phase} for run, phase in PHASES.items()]
    return {
        "steps": steps,
        "sequences_per_step": PER_STEP,
        "window": SEQUENCE,
        "models": [model],
        "runs": runs,
        "insertions": FILES,
    }


if __name__ == "__main__":
    make_hubble(Path(sys.argv[1]))
