"""From texts to tokens of any tokenizer, and what numbers and bytes those tokens have here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers

from memorization.errors import UserError
from memorization.features.text import byte_of_character
from memorization.protocol import END_OF_TEXT, SEQUENCE

# Texts tokenized at once (their encodings are large objects), and characters of a document.
TEXTS, PIECE = 256, 2**20
# Characters of a text beyond those that 64 tokens can reach; what follows cannot change them.
SLACK = 4096
# What tokenizers call the token that ends a document; the first that there is counts.
ENDS = (
    "<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "[EOS]", "<|eot_id|>", "[SEP]",
)  # fmt: skip


def bytes_tokenizer() -> Tokenizer:
    """Return a tokenizer whose tokens are bytes, for texts with no tokenizer of their own.

    >>> bytes_tokenizer().encode("é").ids, bytes_tokenizer().get_vocab_size()
    ([196, 170], 257)
    """
    names = ["<|endoftext|>", *sorted(byte_of_character(), key=byte_of_character().__getitem__)]
    tokenizer = Tokenizer(models.BPE({name: number for number, name in enumerate(names)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return tokenizer


class Vocabulary:
    """A tokenizer that takes all text for text: what writes a special token does not become it.

    Its tokens have two numbers: the tokenizer's own, which a model knows, and that of the features,
    in which 0 is end-of-text whatever the tokenizer (`numbers`); where the own number of
    end-of-text is 0 they are the same.

    Attributes
    ----------
    size, limit : one more than the largest own number, and than the largest of the features'.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Make a copy that neither cuts nor pads. Raises a UserError beyond 2³¹ tokens."""
        described = tokenizer.to_str()
        self._plain = Tokenizer.from_str(described)
        self._plain.encode_special_tokens = True
        self._plain.no_truncation()
        self._plain.no_padding()
        names = self._plain.get_vocab()
        self.size = max(names.values(), default=0) + 1
        if self.size > 2**31 - 1:
            raise UserError(f"a tokenizer of {self.size:,} tokens; at most 2³¹ - 1 are supported")
        # Where there is no end-of-text, its number stays free.
        self._end = next((names[name] for name in ENDS if name in names), self.size)
        self.limit = self.size + (self._end == self.size)
        state = json.loads(described)
        self._is_byte_level = '"type": "ByteLevel"' in json.dumps(state | {"model": None})
        self._pieces = self._bytes(names, state["model"])
        # A token of a byte-level tokenizer has at most as many characters as its name.
        self._reach = SEQUENCE * max(map(len, names), default=1) + SLACK

    def _bytes(self, names: dict[str, int], model: dict[str, Any]) -> dict[int, bytes]:
        """Return the bytes of each token by its own number; of a special one, one zero byte."""
        added = self._plain.get_added_tokens_decoder()
        of_name = _byte_level if self._is_byte_level else _of_model(model)
        pieces = {
            number: of_name(name) for name, number in names.items() if number not in added
        } | {
            number: b"\0" if token.special else token.content.encode()
            for number, token in added.items()
        }
        return pieces | {self._end: b"\0"}

    def numbers(self, own: np.ndarray) -> np.ndarray:
        """Return the features' numbers of tokens, int64: end-of-text is 0, the order stays.

        >>> names = {"a": 0, "b": 1, "</s>": 2, "c": 3}
        >>> vocabulary = Vocabulary(Tokenizer(models.BPE(names, [])))
        >>> vocabulary.numbers(np.array([0, 1, 2, 3])).tolist()
        [1, 2, 0, 3]
        """
        own = own.astype(np.int64)
        return np.where(own == self._end, END_OF_TEXT, own + (own < self._end))

    def pieces(self, numbers: np.ndarray) -> list[bytes]:
        """Return the bytes of some tokens, given by the features' numbers."""
        own = numbers - (numbers <= self._end)
        own[numbers == END_OF_TEXT] = self._end
        return [self._pieces.get(number, b"") for number in own.tolist()]

    @property
    def fits(self) -> bool:
        """Whether all numbers are below 2¹⁶."""
        return self.limit <= 2**16

    @property
    def numbers_are_own(self) -> bool:
        """Whether the features' numbers are the tokenizer's own."""
        return self.fits and self._end == END_OF_TEXT

    def check(self, tokens: np.ndarray, where: str = "") -> None:
        """Raise a UserError (after ``where``) unless all are own numbers of the tokenizer."""
        if tokens.size and not (tokens.min() >= 0 and tokens.max() < self.size):
            wrong = tokens.min() if tokens.min() < 0 else tokens.max()
            raise UserError(
                f"{where}token {wrong}: the tokenizer knows tokens 0 to {self.size - 1}; pass "
                "the one that these tokens are of (--tokenizer)"
            )

    def encode(self, texts: Sequence[str], first: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return the own numbers of all tokens of some texts, and how many each text has, int64.

        Of the ``first`` 64 tokens only, if so asked: a long text is not gone through then.

        >>> from tokenizers import models
        >>> letters = Vocabulary(Tokenizer(models.BPE({"<|endoftext|>": 0, "a": 1, "b": 2}, [])))
        >>> [found.tolist() for found in letters.encode(["ab", "", "b"])]
        [[1, 2, 2], [2, 0, 1]]
        """
        if first and self._is_byte_level:
            texts = [text[: self._reach] for text in texts]
        whole = [well_formed(text) for text in texts]
        pieces = [list(_pieces(text)) if self._is_byte_level else [text] for text in whole]
        flat = list(chain.from_iterable(pieces))
        end = SEQUENCE if first else None
        found, size = [], np.zeros(len(flat), np.int64)
        for start in range(0, len(flat), TEXTS):
            chunk = flat[start : start + TEXTS]
            encodings = self._plain.encode_batch_fast(chunk, add_special_tokens=False)
            ids = [encoding.ids[:end] for encoding in encodings]
            size[start : start + TEXTS] = [len(own) for own in ids]
            found.append(np.fromiter(chain.from_iterable(ids), np.int64))
        text = np.repeat(np.arange(len(whole)), [len(own) for own in pieces])
        lengths = np.bincount(text, weights=size, minlength=len(whole)).astype(np.int64)
        return np.concatenate([np.zeros(0, np.int64), *found]), lengths

    def documents(self, documents: Iterable[str]) -> Iterator[np.ndarray]:
        """Yield the features' numbers of documents, each followed by end-of-text, 0, in pieces."""
        for document in documents:
            pieces = _pieces(well_formed(document)) if self._is_byte_level else [document]
            for piece in pieces:
                yield self.numbers(self.encode([piece])[0])
            yield np.array([END_OF_TEXT])


def _byte_level(name: str) -> bytes:
    alphabet = byte_of_character()
    return b"".join(bytes([alphabet[own]]) if own in alphabet else own.encode() for own in name)


def _of_model(model: dict[str, Any]) -> Callable[[str], bytes]:
    """Return what gives the bytes of a token's name, for tokenizers that are not byte-level.

    SentencePiece writes a blank as U+2581, and a byte that no token has as ``<0x0A>``; in WordPiece
    a blank is before all that does not go on with a word, and other BPE may mark a word's end.
    """
    if model["type"] == "WordPiece":
        onward = model["continuing_subword_prefix"]
        return lambda name: (
            name.removeprefix(onward) if name.startswith(onward) else f" {name}"
        ).encode()
    end = model.get("end_of_word_suffix") or "\u2581"

    def of_name(name: str) -> bytes:
        byte = re.fullmatch("<0x([0-9A-F]{2})>", name)
        spaced = name.replace("\u2581", " ").replace(end, " ")
        return bytes.fromhex(byte[1]) if byte else spaced.encode()

    return of_name


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
    """Cut a long text where a line ends and the next begins with no blank.

    There byte-level tokenizers split it anyway.
    """
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
