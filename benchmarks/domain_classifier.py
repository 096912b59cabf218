"""How well are domains told from bytes? And the fit of the classifier that the library ships.

python benchmarks/domain_classifier.py [data/corpus.tar.xz]           the truth on unseen packages
python benchmarks/domain_classifier.py [data/corpus.tar.xz] --write   new coefficients, committed

Texts are cut from all documents, 120, 180 and 300 bytes in turn: about what 64 tokens are. Packages
whose place in the alphabet is odd test what is fitted to the others, and the other way round; the
committed coefficients are fitted to all.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from memorization.features.domain import COEFFICIENTS, DOMAINS, EVIDENCE, evidence, score
from memorization.features.text import CHUNK
from memorization.suite.micro.corpus import Document, read_corpus

# What the corpus tells apart more finely: Python, its stubs and tests, and C headers are code.
MERGED = {"headers": "code", "stubs": "code", "tests": "code"}
SIZES = (120, 180, 300)
# Texts of each of the corpus's domains at most, evenly over its documents.
PER_DOMAIN = 6000
# Inverse strength of the L2 penalty; chosen among powers of 10 on the held-out packages.
C = 0.01


def cut(documents: Sequence[Document]) -> tuple[list[bytes], np.ndarray, np.ndarray]:
    """Return texts cut from documents, their domains and their packages (of prose, the book)."""
    pieces: dict[str, list[tuple[bytes, str]]] = {}
    for document in documents:
        folder = document.name.split("/")
        package = folder[-1] if document.domain == "prose" else folder[1]
        data, start, turn = document.text.encode(), 0, 0
        while start < len(data):
            size = SIZES[turn % len(SIZES)]
            pieces.setdefault(document.domain, []).append((data[start : start + size], package))
            start, turn = start + size, turn + 1
    kept = [
        (piece, domain, package)
        for domain, own in sorted(pieces.items())
        for piece, package in own[:: -(-len(own) // PER_DOMAIN)]
    ]
    texts, domains, packages = zip(*kept, strict=True)
    return list(texts), np.array(domains), np.array(packages)


def fit(found: np.ndarray, domain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights [evidence, domains] and bias [domains]; domains have the same total weight.

    Parameters
    ----------
    found : float64 [n, evidence].
    domain : str [n], of ``DOMAINS``.
    """
    center, scale = found.mean(axis=0), np.maximum(found.std(axis=0), 1e-9)
    names, which, count = np.unique(domain, return_inverse=True, return_counts=True)
    assert tuple(names) == DOMAINS
    weight = len(domain) / len(DOMAINS) / count[which]
    model = LogisticRegression(C=C, max_iter=1000)
    model.fit((found - center) / scale, domain, sample_weight=weight)
    weights = (model.coef_ / scale).T
    return weights, model.intercept_ - center @ weights


def held_out(found: np.ndarray, domain: np.ndarray, package: np.ndarray) -> list[np.ndarray]:
    """Return the two confusion matrices [truth, guess] on packages that were not fitted."""
    odd = np.zeros(len(package), dtype=bool)
    for name in DOMAINS:
        packages = np.unique(package[domain == name])
        odd |= (domain == name) & np.isin(package, packages[1::2])
    matrices = []
    for test in (odd, ~odd):
        model = fit(found[~test], domain[~test])
        guess = score(found[test], *model).argmax(axis=1)
        truth = np.searchsorted(DOMAINS, domain[test])
        matrix = np.zeros((len(DOMAINS), len(DOMAINS)), dtype=np.int64)
        np.add.at(matrix, (truth, guess), 1)
        matrices.append(matrix)
    return matrices


def main() -> None:
    """Print confusion, recall and precision; with ``--write``, fit to all and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", nargs="?", default="data/corpus.tar.xz")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    texts, fine, package = cut(read_corpus(options.corpus))
    domain = np.array([MERGED.get(name, name) for name in fine])
    found = np.concatenate(
        [
            evidence(
                np.frombuffer(b"".join(chunk), dtype=np.uint8),
                np.append(0, np.cumsum([len(text) for text in chunk])),
            )
            for chunk in (texts[i : i + CHUNK] for i in range(0, len(texts), CHUNK))
        ]
    )
    for matrix in held_out(found, domain, package):
        _print(matrix)
    if options.write:
        path = Path(str(resources.files("memorization.features") / COEFFICIENTS))
        stored = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(_json(*fit(found, domain), stored["words"]), encoding="utf-8")


def _print(matrix: np.ndarray) -> None:
    n = matrix.sum()
    recall = matrix.diagonal() / matrix.sum(axis=1)
    precision = matrix.diagonal() / np.maximum(matrix.sum(axis=0), 1)
    print(
        f"{n} texts of held-out packages: accuracy {np.trace(matrix) / n:.3f} (always the "
        f"commonest: {matrix.sum(axis=1).max() / n:.3f}), mean recall {recall.mean():.3f}"
    )
    for i, name in enumerate(DOMAINS):
        print(f"  {name:14} recall {recall[i]:.3f} precision {precision[i]:.3f} {matrix[i]}")


def _json(weights: np.ndarray, bias: np.ndarray, words: dict[str, str]) -> str:
    """Return the coefficients, one piece of evidence a line, and the lists of words."""
    of_each = dict(zip(EVIDENCE, weights.round(3).tolist(), strict=True))
    parts = [
        f'  "domains": {json.dumps(DOMAINS)}',
        f'  "bias": {json.dumps(bias.round(3).tolist())}',
        *(
            f'  "{name}": {{\n'
            + ",\n".join(f"    {json.dumps(key)}: {json.dumps(own)}" for key, own in held.items())
            + "\n  }"
            for name, held in (("weights", of_each), ("words", words))
        ),
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    main()
