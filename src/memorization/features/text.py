"""From texts to tokens, and from tokens to the exact bytes that they stand for.

Decoding to a string would put U+FFFD where a sequence begins or ends inside a character; the bytes
of a byte-level BPE have no such trouble, and are read from a table.

Features of text are computed over the bytes of many sequences at once, in chunks that stay in the
cache: ``of_texts``. All of them take sequences of any length, the empty one too; the prompt is
then the first 32 tokens or what there is of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from tokenizers import Tokenizer

from memorization.errors import UserError
from memorization.protocol import END_OF_TEXT, PROMPT, SEQUENCE

# Sequences at a time: about 0.4 MB of text and a few arrays of that many entries.
CHUNK = 2048

# Texts tokenized at once (their encodings are large objects), and characters of a document.
TEXTS, PIECE = 256, 2**20
# Characters of a text beyond those that 64 tokens can reach; what follows cannot change them.
SLACK = 4096


@dataclass(frozen=True)
class Texts:
    """The bytes of n token sequences: text i is ``data[start[i, 0] : start[i, length]]``.

    Attributes
    ----------
    data : all the bytes, one text after another, with nothing in between.
    start : int64 [n, length + 1], where each token begins, and last where the text ends.
    """

    data: bytes
    start: np.ndarray

    @property
    def bytes(self) -> np.ndarray:
        """The data as numbers, uint8."""
        return np.frombuffer(self.data, dtype=np.uint8)

    @property
    def bounds(self) -> np.ndarray:
        """Where each text begins, and where the last one ends, int64 [n + 1]."""
        return np.append(self.start[:, 0], self.start[-1:, -1] if len(self.start) else 0)

    @property
    def middle(self) -> np.ndarray:
        """Where each continuation begins, int64 [n]: after 32 tokens, or at the text's end."""
        return self.start[:, min(PROMPT, self.start.shape[1] - 1)]

    @property
    def half_bounds(self) -> np.ndarray:
        """Where each prompt and each continuation begins, in turn, int64 [2 n + 1]."""
        bounds = self.bounds
        return np.append(np.stack([bounds[:-1], self.middle], axis=1).ravel(), bounds[-1])


@dataclass(frozen=True)
class TokenTable:
    """The bytes of every token, uint8: those of token i are ``data[start[i] : start[i + 1]]``."""

    data: np.ndarray
    start: np.ndarray

    @classmethod
    def of(cls, pieces: Sequence[bytes]) -> TokenTable:
        """Return the table of tokens given as bytes."""
        start = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
        return cls(np.frombuffer(b"".join(pieces), dtype=np.uint8), start)


@lru_cache(maxsize=1)
def _byte_of_character() -> dict[str, int]:
    """Return the alphabet of byte-level BPE (Radford et al. 2019): printable bytes stand for
    themselves, the others for the characters from U+0100 on.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {
        chr(256 + place): byte for place, byte in enumerate(rest)
    }


def token_bytes(tokenizer: Tokenizer) -> list[bytes]:
    """Return the bytes of each token of a byte-level BPE.

    A special token (end-of-text) is one zero byte: a mark, not the text that writes it. An id that
    no token has is empty.
    """
    alphabet = _byte_of_character()
    added = tokenizer.get_added_tokens_decoder()
    pieces = {number: text for text, number in tokenizer.get_vocab().items()}
    table = [b""] * (max(pieces) + 1)
    for number, piece in pieces.items():
        if number not in added:
            table[number] = bytes(alphabet[character] for character in piece)
        elif added[number].special:
            table[number] = b"\0"
        else:
            table[number] = added[number].content.encode()
    return table


def texts(table: TokenTable, tokens: np.ndarray) -> Texts:
    """Return the bytes of token sequences, integers [n, length].

    >>> found = texts(TokenTable.of([b"ab", b"c"]), np.array([[0, 1], [1, 1]]))
    >>> found.data, found.start.tolist()
    (b'abccc', [[0, 2, 3], [3, 4, 5]])

    Raises
    ------
    ValueError
        If a token is not in the table.
    """
    last = len(table.start) - 2
    if tokens.size and not (tokens.min() >= 0 and tokens.max() <= last):
        raise ValueError(f"tokens: {tokens.min()} to {tokens.max()}, allowed are 0 to {last}")
    first, size = table.start[tokens], np.diff(table.start)[tokens]
    end = np.cumsum(size).reshape(size.shape)
    # Where each byte is in the table: as far behind its token's first byte there as in the text.
    place = np.arange(size.sum()) + np.repeat((first - end + size).ravel(), size.ravel())
    begin = end[:, :1] - size[:, :1] if size.shape[1] else np.zeros((len(size), 1), np.int64)
    return Texts(table.data[place].tobytes(), np.hstack([begin, end]))


def in_chunks(
    compute: Callable[[np.ndarray], dict[str, np.ndarray]], tokens: np.ndarray
) -> dict[str, np.ndarray]:
    """Return what ``compute`` gives for all sequences, calling it with ``CHUNK`` at a time.

    Time grows linearly with the number of sequences, and memory beyond the result does not grow.

    >>> in_chunks(lambda rows: {"first": rows[:, 0]}, np.arange(6).reshape(3, 2))["first"]
    array([0, 2, 4])

    Parameters
    ----------
    compute : integers [m, length] -> column name -> array [m]; called once even when n is 0.
    tokens : integers [n, length].
    """
    columns: dict[str, np.ndarray] = {}
    for start in range(0, max(len(tokens), 1), CHUNK):
        rows = slice(start, start + CHUNK)
        for name, values in compute(tokens[rows]).items():
            if start == 0:
                columns[name] = np.empty(len(tokens), dtype=values.dtype)
            columns[name][rows] = values
    return columns


def of_texts(
    compute: Callable[[Texts], dict[str, np.ndarray]], tokenizer: Tokenizer, tokens: np.ndarray
) -> dict[str, np.ndarray]:
    """Return what ``compute`` gives for the bytes of all sequences, integers [n, length]."""
    table = TokenTable.of(token_bytes(tokenizer))
    return in_chunks(lambda rows: compute(texts(table, rows)), tokens)


class Encoder:
    """A tokenizer that takes all text for text: what writes a special token does not become it.

    Raises a UserError if the tokenizer has more than 65,536 tokens.
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
        """Return the first 64 tokens of each text, and how many it has, at most 64.

        The tokens are int32 [n, 64], 0 where a text has ended.

        >>> from tokenizers import models
        >>> letters = Encoder(Tokenizer(models.BPE({"<|endoftext|>": 0, "a": 1, "b": 2}, [])))
        >>> tokens, length = letters.first_tokens(["ab", "b" * 70, ""])
        >>> tokens[:, :3].tolist(), length.tolist()
        ([[1, 2, 0], [2, 2, 2], [0, 0, 0]], [2, 64, 0])
        """
        tokens = np.zeros((len(texts), SEQUENCE), np.int32)
        length = np.zeros(len(texts), np.int64)
        for start in range(0, len(texts), TEXTS):
            chunk = [well_formed(text[: self._reach]) for text in texts[start : start + TEXTS]]
            encodings = self._plain.encode_batch_fast(chunk, add_special_tokens=False)
            for row, encoding in enumerate(encodings, start):
                own = encoding.ids[:SEQUENCE]
                tokens[row, : len(own)], length[row] = own, len(own)
        return tokens, length

    def documents(self, documents: Iterable[str]) -> Iterator[np.ndarray]:
        """Yield the tokens of documents, each followed by end-of-text, uint16, in bounded pieces.

        A long document is cut where a line ends and the next begins with no blank: there byte-level
        tokenizers split it anyway.
        """
        for document in documents:
            for piece in _pieces(well_formed(document)):
                yield np.array(self._plain.encode(piece, add_special_tokens=False).ids, np.uint16)
            yield np.array([END_OF_TEXT], np.uint16)


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
