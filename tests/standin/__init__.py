"""A stand-in for the Hugging Face hub on 127.0.0.1, from the standard library.

The real ``huggingface_hub`` and ``transformers`` talk to it through ``HF_ENDPOINT``.
It serves what those clients ask for (revisions, trees, files, ranges), with the hub's headers, its
redirects to a second host for large files and its error codes; any answer can be made to fail.

    with Hub({"datasets/owner/name": {"main": {"data/a.parquet": content}}}) as hub:
        os.environ["HF_ENDPOINT"] = hub.endpoint      # before the clients are imported
        hub.fail(Fault("status", "*/resolve/*", status=500, times=2))

From the command line, for repositories kept in folders:
``PYTHONPATH=tests python -m standin FOLDER``.
"""

from standin.clients import connect, environment
from standin.faults import Fault
from standin.repositories import Repositories, write
from standin.server import Hub

__all__ = ["Fault", "Hub", "Repositories", "connect", "environment", "write"]
