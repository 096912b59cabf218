"""What to name in a message when a name does not exist."""

from __future__ import annotations

import difflib
import re


def some(names: list[str], wanted: str, most: int) -> str:
    """Return some of the names that exist, the nearest to a wanted one first.

    Near is by number where names end in one, else by spelling.

    >>> some(["main", "step0", "step1000", "step143000"], "step2000", most=2)
    'step1000, step0 and 2 more'
    >>> some(["duped.12b", "duped.1b", "deduped.12b"], "dupd.12b", most=3)
    'duped.12b, duped.1b, deduped.12b'
    """
    number = re.fullmatch(r"(\D*)(\d+)", wanted)
    alike = [
        (abs(int(match[2]) - int(number[2])), name)
        for name in names
        if number and (match := re.fullmatch(r"(\D*)(\d+)", name)) and match[1] == number[1]
    ]
    near = [name for _, name in sorted(alike)] or difflib.get_close_matches(wanted, names, most)
    shown = list(dict.fromkeys(near + names))[:most]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")
