"""Names of files and revisions: which may be used, and what to offer in place of a wrong one."""

from __future__ import annotations

import difflib
import re
from pathlib import PureWindowsPath


def is_inside(filename: str) -> bool:
    """Return whether a file of this name is inside of the folder that it is put in.

    On any system, so a backslash or a drive is refused as well.

    >>> is_inside("data/a-00000-of-00002.parquet"), is_inside("data/../../.bashrc")
    (True, False)
    """
    parts = filename.split("/")
    is_plain = not any(part in ("", ".", "..") for part in parts)
    return is_plain and not (
        "\\" in filename or "\0" in filename or PureWindowsPath(filename).drive
    )


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
