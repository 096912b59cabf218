"""Tables that a benchmark puts into a page of the documentation."""

from __future__ import annotations

from pathlib import Path


def put(page: Path, name: str, text: str) -> None:
    """Put text between a page's marks ``<!-- name -->`` and ``<!-- end of name -->``."""
    content = page.read_text(encoding="utf-8")
    first, last = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, after = content.index(first) + len(first), content.index(last)
    page.write_text(f"{content[:before]}\n{text}\n\n{content[after:]}", encoding="utf-8")
