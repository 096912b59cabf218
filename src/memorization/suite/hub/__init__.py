"""The Hugging Face hub, asked so that a run fails in seconds or not at all.

`resolve` asks one quick question before anything else is done: which commit? `download`,
`read_ranges` and `stream` then read that commit of the `Repository` and no other. The client is
``huggingface_hub`` (its session, token, end point and cache), with what it leaves to chance fixed:

- its retries make a host that never answers cost minutes; here every wait is bounded;
- with a warm cache and no network it answers a wrong revision with whatever is cached; here the
  commit that answers is compared with the one that was asked for;
- it starts an interrupted download anew and checks its size only; here it goes on, and what came
  is checked against the digest in the commit's listing.

Every failure is a `UserError` of one line. ``HF_ENDPOINT`` names a mirror, ``HF_TOKEN`` a token,
``HF_HUB_OFFLINE=1`` forbids the network, ``HF_HOME`` is where the cache is.
"""

from memorization.suite.hub.failures import disk
from memorization.suite.hub.files import download, read_ranges, stream
from memorization.suite.hub.repository import (
    CommitNotFound,
    Repository,
    RevisionNotFound,
    nearest,
    resolve,
)

__all__ = [
    "CommitNotFound",
    "Repository",
    "RevisionNotFound",
    "disk",
    "download",
    "nearest",
    "read_ranges",
    "resolve",
    "stream",
]
