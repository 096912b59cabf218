"""Read the shipped corpus: `read_corpus("data/corpus.tar.xz")`."""

import lzma
import tarfile
from dataclasses import dataclass
from pathlib import Path

from memorization.errors import UserError


@dataclass(frozen=True)
class Document:
    """One file of the corpus: its member name in the archive, its domain and its whole text."""

    name: str
    domain: str
    text: str


def read_corpus(path: str | Path) -> list[Document]:
    """Return the documents of a corpus archive, in the archive's order.

    Parameters
    ----------
    path
        A tar archive compressed by xz, whose members are UTF-8 texts called `domain/…/file`.

    Raises
    ------
    FileNotFoundError
        If there is no file at `path`.
    UserError
        If the archive is damaged or empty, or a member is not a UTF-8 text in a domain's folder.
    """
    documents: list[Document] = []
    try:
        with tarfile.open(path, "r:xz") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() else None
                domain, slash, file = member.name.partition("/")
                if stream is None or not (domain and slash and file) or domain in (".", ".."):
                    raise UserError(
                        f"{path}: the member '{member.name}' is not a file in a domain's folder; "
                        "every member must be called domain/…/file."
                    )
                text = stream.read().decode("utf-8")
                documents.append(Document(member.name, domain, text))
    except (tarfile.TarError, lzma.LZMAError, EOFError) as error:
        raise UserError(
            f"{path}: the corpus archive is damaged ({error}). Restore it from version control, or "
            "rebuild it: python corpus/harvest.py"
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: the member '{member.name}' is not UTF-8 ({error}).") from error
    if not documents:
        raise UserError(f"{path}: the corpus archive holds no documents.")
    return documents
