"""The models and their training data."""

from __future__ import annotations

from typing import Any

from memorization.report.names import listed
from memorization.report.numbers import count, large, percent
from memorization.report.results import Results
from memorization.report.variables.words import Topic
from memorization.siblings.compute import tokens_seen

# Of Pythia: what a variant was trained on.
PILE = {
    "duped": "the Pile",
    "deduped": "the deduplicated Pile, which training goes through about one and a half times",
}
# Where Pythia's n-grams and duplicates are counted.
COUNTED = {
    "sample": "a published uniform sample of the training sequences",
    "preshuffled": "a uniform sample of the training rows",
    "raw": "the beginning of the Pile, tokenized anew",
}


def suite(results: Results) -> Topic:
    """Return the suite in numbers, and the sentences in which suites differ."""
    found, target = results.suite, results.params.target
    memorized = results.metrics["labels"]["memorized_by_model"]
    sizes = [memorized[model] / found.population for model in found.models]
    smaller, tokens = found.smaller(target), large(tokens_seen(found, found.steps[-1]))
    numbers = {
        "target": target,
        "target_parameters": large(found.parameters[target]),
        "models": listed(found.models),
        "n_models": count(len(found.models)),
        "smallest_parameters": large(found.parameters[found.models[0]]),
        "largest_parameters": large(found.parameters[found.models[-1]]),
        "smaller": listed(smaller) if smaller else "none",
        "smallest_memorized": percent(sizes[0]),
        "largest_memorized": percent(sizes[-1]),
        "population": count(found.population),
        "window": count(found.manifest["window"]),
        "tokens": tokens,
        "vocabulary": count(found.manifest["vocabulary"]),
        "steps": count(found.steps[-1]),
        "checkpoints": count(len(found.steps)),
        "sequences_per_step": count(found.sequences_per_step),
    }
    largest, n = numbers["largest_parameters"], numbers["n_models"]
    if found.name == "micro":
        return numbers | _micro(results, smaller, largest, n, tokens)
    return numbers | _pythia(results, smaller, largest, tokens)


def _micro(results: Results, smaller: list[str], largest: str, n: str, tokens: str) -> Topic:
    domains = sorted(set(results.sample["domain"].dropna()))
    return {
        "name": "micro",
        "reference": smaller[0] if smaller else "none",
        "abstract": f"We train a suite of {n} GPT-NeoX models of up to {largest} parameters on "
        f"{tokens} tokens of real text, so that every exposure of every sequence is known",
        "origin": "GPT-NeoX models trained for this study as the Pythia suite was, on a scale that "
        "a laptop can repeat",
        "order": "each once",
        "text": f"The text is what published software packages hold, in {count(len(domains))} "
        f"domains ({listed(domains)}); the repetition that their authors left in it is kept",
        "counted": "all of the training data",
        "limit": "That the same features matter in models a thousand times larger is to be shown, "
        "not assumed",
        "one_run": "one order of the data, one set of initial weights",
        "again": "A processor of another make rounds differently, and training amplifies the last "
        "bit, so that across machines it is the findings that must repeat, not the digits",
    }


def _pythia(results: Results, smaller: list[str], largest: str, tokens: str) -> Topic:
    manifest, reference = results.suite.manifest, results.params.pythia.reference
    text = PILE[manifest["variant"]]
    return {
        "name": "Pythia",
        "reference": reference if reference in smaller else "none",
        "abstract": f"We study the Pythia suite, GPT-NeoX models of up to {largest} parameters "
        f"that were trained on {tokens} tokens of {text.partition(',')[0]} in an order that is "
        "public",
        "origin": f"EleutherAI's GPT-NeoX models, here in release {manifest['release']} and up to "
        "the size of the target",
        "order": "each once" if manifest["variant"] == "duped" else "from one order of rows",
        "text": f"The text is {text}; which of its parts a sequence is from, tokenization has "
        "erased",
        "counted": _counted(manifest.get("corpus", {})),
        "limit": "Of every size there is one model; that other training data would give the same "
        "is to be shown, not assumed",
        "one_run": "of the sample, the folds and the resamples. Of the target there is one "
        "training run, its own",
        "again": "A processor of another make rounds differently, so that on another machine it is "
        "the findings that must repeat, not the last digits",
    }


def _counted(corpus: dict[str, Any]) -> str:
    name = COUNTED.get(corpus.get("source", ""), "a sample of the training text")
    return f"{name}, {large(corpus['tokens'])} tokens" if "tokens" in corpus else name
