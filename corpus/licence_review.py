"""Find what a person must read of the corpus's licences: `python corpus/licence_review.py`.

Three questions for every package: does its notice hold the wording of the licence that
`sources.csv` states? Does the notice speak of terms that are not permissive? Do the texts? A line
of the answer is a doubt, not a verdict: the verdicts stand in `README.md`.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from memorization.suite.micro.corpus import read_corpus

CORPUS = Path(__file__).parent

# What a notice of each permissive licence says. A licence that is not here is a doubt by itself.
MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy"
BSD = "Redistribution and use in source and binary forms"
WORDING = {
    "0BSD": "Permission to use, copy, modify, and/or distribute this software",
    "Apache-2.0": "Apache License|Apache Software License",
    "BSD-2-Clause": BSD,
    "BSD-3-Clause": f"{BSD}.*(Neither the name|names? of .{{0,80}} may not|may be used to endorse)",
    "CC-BY-4.0": "CC BY 4.0",
    "CC0-1.0": "CC-?0|Creative Commons Zero",
    "ISC": "Permission to use, copy, modify, and/or distribute this software",
    "LicenseRef-public-domain": "public domain",
    "MIT": MIT,
    "MIT-0": MIT,
    "PSF-2.0": "PYTHON SOFTWARE FOUNDATION LICENSE",
    "TCL": "permission to use, copy, modify, distribute, and license this software",
    "Unicode-3.0": "UNICODE LICENSE V3",
    "X11-distribute-modifications-variant": f"{MIT}.*distribute with modifications",
    "Zlib": "This software is provided 'as-is', without any express or implied warranty",
}

# Terms that are not permissive, or that ask for a second look.
TERMS = {
    "copyleft": r"\b[AL]?GPL|General Public Licen[cs]e|Free Documentation Licen[cs]e|copyleft"
    r"|share-?alike|\b(?:MPL|EUPL|CDDL)\b|Mozilla Public|Eclipse Public",
    "Creative Commons": r"creative commons(?! zero)|creativecommons\.org(?!/publicdomain/zero)"
    r"|\bCC[ -]BY\b",
    "restricted": r"non-?commercial|no derivative|proprietary (?:and|licen|software of)"
    r"|not for (?:re)?distribution|confidential and|prohibited|replicate or develop"
    r"|\bOpen ?RAIL|Open Font License",
    "permission": r"express permission|(?:with|by) (?:the )?permission of|terms of use"
    r"|retains all rights|may not be (?:copied|reproduced|redistributed)",
}


@dataclass(frozen=True)
class Doubt:
    """What to read: of which package, in its notice or a text, why, and the first such passage."""

    package: str
    place: str
    reason: str
    passage: str


def unsaid(licence: str, notice: str) -> list[str]:
    """Return the parts of an SPDX expression whose wording a notice lacks.

    >>> unsaid("MIT AND CC0-1.0", "The data are CC0.")
    ['MIT']
    """
    text = re.sub(r"[\s.*#]+", " ", notice)
    parts = re.split(r" AND | OR ", licence)
    return [p for p in parts if p not in WORDING or not re.search(WORDING[p], text, re.I)]


def passages(text: str) -> Iterator[tuple[str, str]]:
    """Yield each kind of term that a text speaks of, with the first passage that does."""
    for reason, pattern in TERMS.items():
        if match := re.search(pattern, text, re.IGNORECASE):
            around = text[max(match.start() - 60, 0) : match.end() + 60]
            yield reason, " ".join(around.split())


def review(corpus: Path) -> list[Doubt]:
    """Return the doubts of a corpus folder: of each package, place and reason the first."""
    with (corpus / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        rows = {row["document"]: row for row in csv.DictReader(stream)}
    doubts: dict[tuple[str, str, str], Doubt] = {}
    for package, version, licence in sorted(
        {(r["package"], r["version"], r["licence"]) for r in rows.values()}
    ):
        path = corpus / "licences" / f"{package}-{version}.txt".replace("/", "+")
        notice = path.read_text("utf-8")
        found = [(f"no wording of {part}", "") for part in unsaid(licence, notice)]
        for reason, passage in [*found, *passages(notice)]:
            doubts[package, "notice", reason] = Doubt(package, "notice", reason, passage)
    for document in read_corpus(corpus / "corpus.tar.xz"):
        if document.domain == "licences":  # the head of what the notice holds whole
            continue
        package = rows[document.name]["package"]
        for reason, passage in passages(document.text):
            place = f"text {rows[document.name]['path']}"
            doubts.setdefault((package, "text", reason), Doubt(package, place, reason, passage))
    return [doubts[key] for key in sorted(doubts)]


if __name__ == "__main__":
    for doubt in review(CORPUS):
        print(f"{doubt.package} | {doubt.place} | {doubt.reason} | {doubt.passage}")
