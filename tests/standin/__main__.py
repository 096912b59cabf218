"""Serve repositories kept in folders: ``PYTHONPATH=tests python -m standin FOLDER [PORT]``.

``FOLDER`` holds ``datasets/OWNER/NAME/REVISION/…`` and ``models/OWNER/NAME/REVISION/…``; see
:mod:`standin.pythia` for how to make one.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from standin.server import Hub


def main(arguments: list[str]) -> None:
    if not 1 <= len(arguments) <= 2 or not Path(arguments[0]).is_dir():
        sys.exit("usage: python -m standin FOLDER [PORT]")
    with Hub(Path(arguments[0]), port=int(arguments[1]) if len(arguments) == 2 else 0) as hub:
        names = hub.repositories.names()
        print(f"HF_ENDPOINT={hub.endpoint}", flush=True)
        print(f"# {len(names)} repositories: {', '.join(names)}", file=sys.stderr, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main(sys.argv[1:])
