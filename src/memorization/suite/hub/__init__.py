"""The Hugging Face hub, asked so that a run fails in seconds or not at all.

`resolve` asks one quick question before anything else is done: which commit? `list_files`,
`file_size`, `download` and `read_ranges` then read that commit and no other. The client is
``huggingface_hub`` (its session, token, end point and cache), with what it leaves to chance fixed:

- its retries make a host that never answers cost minutes; here every wait is bounded (`Patience`);
- with a warm cache and no network it answers a wrong revision with whatever is cached; here the
  commit that answers is compared with the one that was asked for;
- it starts an interrupted download anew; here it goes on, and is checked against the hub's digest.

Every failure is a `UserError` of one line. ``HF_ENDPOINT`` names a mirror, ``HF_TOKEN`` a token,
``HF_HUB_OFFLINE=1`` forbids the network, ``HF_HOME`` is where the cache is.
"""

from memorization.suite.hub.files import download, file_size
from memorization.suite.hub.listing import list_files
from memorization.suite.hub.patience import PATIENCE, Patience
from memorization.suite.hub.ranges import read_ranges
from memorization.suite.hub.repository import CommitNotFound, Repository, resolve

__all__ = [
    "PATIENCE",
    "CommitNotFound",
    "Patience",
    "Repository",
    "download",
    "file_size",
    "list_files",
    "read_ranges",
    "resolve",
]
