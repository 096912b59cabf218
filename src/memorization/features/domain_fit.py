"""Fit the classifier of domains to the shipped corpus, and say how good it is.

Run by hand, ``python -m memorization.features.domain_fit [data/corpus.tar.xz]``; its result,
``domain_classifier.json``, is committed. Texts are cut from all documents, 120, 180 and 300 bytes
in turn: about what 64 tokens are. Packages whose place in the alphabet is odd test what is fitted
to the others, and the other way round; the committed coefficients are fitted to all.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from memorization.features.domain_classifier import (
    COEFFICIENTS,
    DOMAINS,
    EVIDENCE,
    MERGED,
    Classifier,
    evidence,
)
from memorization.features.text import CHUNK
from memorization.suite.micro.corpus import Document, read_corpus

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


def fit(found: np.ndarray, domain: np.ndarray) -> Classifier:
    """Return the classifier of some texts; each domain has the same total weight.

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
    return Classifier(weights, model.intercept_ - center @ weights)


def held_out(found: np.ndarray, domain: np.ndarray, package: np.ndarray) -> list[np.ndarray]:
    """Return the two confusion matrices [truth, guess] on packages that were not fitted."""
    odd = np.zeros(len(package), dtype=bool)
    for name in DOMAINS:
        packages = np.unique(package[domain == name])
        odd |= (domain == name) & np.isin(package, packages[1::2])
    matrices = []
    for test in (odd, ~odd):
        model = fit(found[~test], domain[~test])
        guess = model.score(found[test]).argmax(axis=1)
        truth = np.searchsorted(DOMAINS, domain[test])
        matrix = np.zeros((len(DOMAINS), len(DOMAINS)), dtype=np.int64)
        np.add.at(matrix, (truth, guess), 1)
        matrices.append(matrix)
    return matrices


def main() -> None:
    """Write ``domain_classifier.json`` and print confusion, recall and precision."""
    documents = read_corpus(sys.argv[1] if len(sys.argv) > 1 else "data/corpus.tar.xz")
    texts, fine, package = cut(documents)
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
    path = Path(__file__).with_name(COEFFICIENTS)
    path.write_text(_json(fit(found, domain)), encoding="utf-8")


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


def _json(model: Classifier) -> str:
    """Return the coefficients, one piece of evidence a line."""
    lines = [
        f'  "domains": {json.dumps(DOMAINS)},',
        f'  "bias": {json.dumps(model.bias.round(3).tolist())},',
        '  "weights": {',
        ",\n".join(
            f"    {json.dumps(name)}: {json.dumps(weights.round(3).tolist())}"
            for name, weights in zip(EVIDENCE, model.weights, strict=True)
        ),
        "  }",
    ]
    return "\n".join(["{", *lines, "}", ""])


if __name__ == "__main__":
    main()
