"""From texts to the 64 tokens that features are computed of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from tokenizers import Tokenizer

from memorization.errors import UserError
from memorization.protocol import SEQUENCE

# Texts that are tokenized at once; their encodings are large objects.
TEXTS = 256
# Characters of a text beyond those that 64 tokens can reach; what follows cannot change them.
SLACK = 4096
# Characters of a document that are tokenized at once.
PIECE = 2**20


class Encoder:
    """A tokenizer that takes all text for text: what writes a special token does not become it.

    Broken surrogates become U+FFFD, since no encoding of Unicode can hold them; whole pairs become
    the character they mean.

    Parameters
    ----------
    tokenizer : of at most 65,536 tokens, of which token 0 is end-of-text.

    Raises
    ------
    UserError
        If it has more tokens.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Make a copy that takes all text for text and neither cuts nor pads."""
        self._plain = Tokenizer.from_str(tokenizer.to_str())
        self._plain.encode_special_tokens = True
        self._plain.no_truncation()
        self._plain.no_padding()
        names = self._plain.get_vocab()
        self.size = max(names.values()) + 1
        if self.size > 2**16:
            raise UserError(f"a tokenizer of {self.size:,} tokens; at most {2**16:,} are supported")
        # A token of a byte-level tokenizer has at most as many characters as its name.
        self._reach = SEQUENCE * max(map(len, names)) + SLACK

    def first_tokens(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the first 64 tokens of each text, and how many it has.

        >>> from tokenizers import models
        >>> letters = Encoder(Tokenizer(models.BPE({"<|endoftext|>": 0, "a": 1, "b": 2}, [])))
        >>> tokens, length = letters.first_tokens(["ab", "b" * 70, ""])
        >>> tokens[:, :3].tolist(), length.tolist()
        ([[1, 2, 0], [2, 2, 2], [0, 0, 0]], [2, 64, 0])

        Returns
        -------
        tokens : int32 [n, 64], 0 where a text has ended.
        length : int64 [n], tokens of the text, at most 64.
        """
        tokens = np.zeros((len(texts), SEQUENCE), np.int32)
        length = np.zeros(len(texts), np.int64)
        for start in range(0, len(texts), TEXTS):
            chunk = [well_formed(text[: self._reach]) for text in texts[start : start + TEXTS]]
            encodings = self._plain.encode_batch_fast(chunk, add_special_tokens=False)
            ids = [encoding.ids[:SEQUENCE] for encoding in encodings]
            sizes = np.array([len(own) for own in ids])
            length[start : start + len(ids)] = sizes
            held = np.arange(SEQUENCE) < sizes[:, None]
            tokens[start : start + len(ids)][held] = [token for own in ids for token in own]
        return tokens, length

    def documents(self, documents: Iterable[str]) -> Iterator[np.ndarray]:
        """Yield the tokens of documents, each followed by end-of-text, uint16, in bounded pieces.

        A long document is cut where a line ends and the next begins with no blank: there byte-level
        tokenizers split it anyway.
        """
        for document in documents:
            for piece in _pieces(well_formed(document)):
                yield np.array(self._plain.encode(piece, add_special_tokens=False).ids, np.uint16)
            yield np.zeros(1, np.uint16)


def well_formed(text: str) -> str:
    r"""Return a text in which surrogates are joined where they pair and U+FFFD where they do not.

    >>> well_formed("\ud83d\ude00") == "😀", well_formed("a\ud83db")
    (True, 'a�b')
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def decoded(data: bytes) -> str:
    r"""Return the text of UTF-8 bytes, U+FFFD where they are not valid.

    Surrogates that were written one by one, as some databases do, are joined.

    >>> decoded("é".encode()), decoded(b"a\xff"), decoded(b"\xed\xa0\xbd\xed\xb8\x80") == "😀"
    ('é', 'a�', True)
    """
    try:
        return well_formed(data.decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def _pieces(document: str) -> Iterator[str]:
    start = 0
    while len(document) - start > PIECE:
        end = document.find("\n", start + PIECE) + 1
        while 0 < end < len(document) and document[end].isspace():
            end = document.find("\n", end) + 1
        if end == 0:
            break
        yield document[start:end]
        start = end
    yield document[start:]
