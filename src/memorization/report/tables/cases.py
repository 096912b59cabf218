"""The hardest cases as text: what the count of the continuation gets wrong."""

from __future__ import annotations

from memorization.features.text import token_bytes
from memorization.protocol import PROMPT
from memorization.report.numbers import MISSING, count, percent
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table
from memorization.tables import token_matrix

KINDS = {
    "memorized_though_rare": "memorized",
    "not_memorized_though_frequent": "not memorized",
}
# Characters that are shown of a continuation.
SHOWN = 64


def hard_cases(results: Results) -> str:
    """Return the rarest memorized and the most frequent that are not, and what was predicted."""
    found = results.metrics["whether"].get("hard_cases", {})
    cases = [(name, case) for kind, name in KINDS.items() for case in found.get(kind, [])]
    columns = {"": "<14", "occurrences": ">11", "predicted": ">12", "continuation": "<70"}
    if not cases:
        return pipe_table(columns, [["not counted", *[MISSING] * 3]])
    rows = results.sample.set_index("index").loc[[case["index"] for _, case in cases]]
    pieces = token_bytes(results.suite.tokenizer)
    table = [
        [
            name,
            count(case["count"]),
            percent(case["probability"]),
            shown(b"".join(pieces[token] for token in row)),
        ]
        for (name, case), row in zip(
            cases, token_matrix(rows["tokens"])[:, PROMPT:].tolist(), strict=True
        )
    ]
    return pipe_table(columns, table, once=True)


def shown(text: bytes) -> str:
    """Return the beginning of a text as code in Markdown: white space made visible.

    >>> shown(b"a `b`" + bytes([10, 9]) + b"c")
    "`a 'b'\u23ce\u2192c`"
    """
    whole = text.decode("utf-8", "replace").translate({10: "\u23ce", 9: "\u2192", 96: "'"})
    seen = "".join(letter if letter.isprintable() else "\ufffd" for letter in whole)
    return f"`{seen[:SHOWN]}{'…' if len(seen) > SHOWN else ''}`"


TABLES = {"hard_cases": hard_cases}
