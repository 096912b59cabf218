"""Pages that can be forwarded: one file, no network, readable on a phone, light and dark."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape

from matplotlib.figure import Figure

from memorization.report.drawing import svg

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #888; --mark: #f0c04080; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); }
figure { margin: 1rem 0; background: #fff; border-radius: 6px; padding: .5rem; overflow-x: auto; }
figure svg { width: 100%; min-width: 30rem; height: auto; } .soft { color: var(--soft); }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .3rem 0; font-size: .85rem; }
mark { background: var(--mark); color: inherit; }
article { border-top: 1px solid var(--line); padding: .6rem 0; overflow-wrap: anywhere; }
"""

# Characters that no page may hold; texts and names of anybody's may have them.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def document(title: str, parts: Sequence[str]) -> str:
    """Return a page of some parts in HTML; the title is plain text.

    Control characters become U+FFFD.
    """
    body = "\n".join([f"<h1>{escape(title)}</h1>", *parts])
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )
    return CONTROL.sub("\ufffd", page)


def html_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of plain text, which scrolls where it is wider than the page."""
    lines = [f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows]
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f'<div class="wide"><table><tr>{head}</tr>\n{chr(10).join(lines)}</table></div>'


def html_figure(draw: Callable[[], Figure]) -> str:
    """Return a figure as part of a page."""
    picture = svg(draw).decode("utf-8")
    return f"<figure>{picture[picture.index('<svg') :]}</figure>"
