from __future__ import annotations

import numpy as np
import pytest

from memorization.errors import UserError
from memorization.features.domain import (
    BIAS,
    DOMAINS,
    EVIDENCE,
    HOLDS,
    NUMBERS,
    WEIGHTS,
    WORDS,
    domain_probabilities,
    evidence,
    one_hot,
    score,
    word_shares,
)
from memorization.suite.micro.corpus import read_corpus

# Texts of kinds that the corpus, from which the classifier is made, does not hold.
UNSEEN = {
    "prose": [
        "The committee met again on Tuesday to discuss the budget, but no agreement was reached. "
        "Several members said that they would rather wait until the new figures were published.",
        "She closed the door behind her and walked slowly down the hill. It had rained all night, "
        "and the road was covered with leaves. At the corner an old man was selling apples.",
        "Chelsea have confirmed the signing of the Brazilian midfielder for a fee of £32 million. "
        "The 24-year-old, who scored 11 goals last season, will join the squad in July.",
        "In this study, we investigated the effect of dietary fiber on the gut microbiota in mice. "
        "Significant differences were observed between the two groups (p < 0.05).",
        "The defendant argues that the trial court erred in admitting the testimony of the "
        "officer. We disagree. The record shows that the evidence was relevant.",
        '"I don\'t know," he said. "Maybe we should ask your mother." They laughed, and for a '
        "moment the whole thing seemed possible again. Then the phone rang.",
    ],
    "code": [
        "public class Main {\n    public static void main(String[] args) {\n        "
        'for (int i = 0; i < 10; i++) {\n            System.out.println("Hello " + i);\n        }',
        "function debounce(fn, wait) {\n  let timer = null;\n  return (...args) => {\n    "
        "clearTimeout(timer);\n    timer = setTimeout(() => fn(...args), wait);\n  };\n}\n",
        "#include <stdio.h>\n\nstatic int compare(const void *a, const void *b)\n{\n\treturn "
        "*(const int *)a - *(const int *)b;\n}\n",
        'package main\n\nimport "fmt"\n\nfunc main() {\n\tdefer fmt.Println("world")\n\t'
        'fmt.Println("hello")\n\tif err != nil {\n\t\treturn err\n\t}\n}\n',
        "import numpy as np\n\ndef softmax(x, axis=-1):\n    z = x - x.max(axis=axis)\n    "
        "e = np.exp(z)\n    return e / e.sum(axis=axis, keepdims=True)\n",
        '#!/bin/bash\nset -e\nfor f in *.txt; do\n  if [ -f "$f" ]; then\n    mv "$f" '
        '"${f%.txt}.md"\n  fi\ndone\necho "done"\n',
        "SELECT u.id, u.name, COUNT(o.id) AS n FROM users u LEFT JOIN orders o ON o.user_id = u.id "
        "WHERE u.created_at > '2020-01-01' GROUP BY u.id, u.name;",
        ".navbar { display: flex; padding: 0 16px; background-color: #fff; }\n.navbar a:hover { "
        "color: rgba(0, 0, 0, 0.5); text-decoration: none; }\n",
        '<div class="row">\n  <div class="col-md-6"><a href="index.html">Home</a></div>\n  <ul>'
        "<li>One</li><li>Two</li></ul>\n</div>\n",
        "<?php\nif (!defined('ABSPATH')) { exit; }\n$value = get_option('my_option');\nforeach "
        "($items as $key => $item) {\n    echo esc_html($item['name']);\n}\n",
    ],
    "licences": [
        "Permission is hereby granted, free of charge, to any person obtaining a copy of this "
        'software and associated documentation files (the "Software"), to deal in the Software',
        "This program is free software: you can redistribute it and/or modify it under the terms "
        "of the GNU General Public License as published by the Free Software Foundation, either "
        "version 3 of the License, or (at your option) any later version.",
        '# Licensed under the Apache License, Version 2.0 (the "License");\n# you may not use this '
        "file except in compliance with the License.\n# You may obtain a copy of the License at\n#",
        "Redistributions of source code must retain the above copyright notice, this list of "
        "conditions and the following disclaimer.",
        "/*\n * Copyright (c) 2012, Example and/or its affiliates. All rights reserved.\n * DO NOT "
        "ALTER OR REMOVE COPYRIGHT NOTICES OR THIS FILE HEADER.\n *\n * This code is free software",
    ],
    "documentation": [
        "## Installation\n\nRun `npm install --save-dev foo-loader` to add it to your project. "
        "Then add the following to your config:\n\n- `test`: files to match\n- `use`: the loader\n",
        "Returns the number of elements in the list. See also: `append`, `remove`. New in version "
        "3.2. If the optional argument *key* is given, it specifies a function of one argument.",
        "* Fixed a bug in the parser that caused a crash on empty input (#1234)\n* Added support "
        "for Python 3.8\n* Updated dependencies\n* Improved documentation of the command line\n",
        "To configure the server, edit the file /etc/nginx/nginx.conf and set the worker_processes "
        "option to the number of available cores. Restart the service afterwards.\n",
    ],
    "tables": [
        "1.2,3.4,0.5,12\n1.3,3.1,0.7,14\n1.1,3.6,0.2,11\n0.9,2.9,0.4,10\n1.5,3.3,0.6,13\n",
        "id\tname\tprice\tstock\n1\tApple\t0.50\t120\n2\tPear\t0.65\t80\n3\tPlum\t0.30\t200\n"
        "4\tFig\t0.90\t15\n5\tKiwi\t0.40\t60\n",
        "[12, 45, 78, 23, 56, 89, 34, 67, 90, 11, 22, 33, 44, 55, 66, 77, 88, 99, 10, 20, 30]",
        "2010-01-01 00:00:00 12.5 1013.2 78\n2010-01-01 01:00:00 12.1 1013.0 80\n",
    ],
}


def flat(whole: list[str]) -> tuple[np.ndarray, np.ndarray]:
    encoded = [text.encode("utf-8", "surrogatepass") for text in whole]
    return np.frombuffer(b"".join(encoded), np.uint8), np.cumsum([0, *map(len, encoded)])


def told(whole: list[str]) -> np.ndarray:
    """Return the likeliest domain of each text."""
    return np.array(DOMAINS)[domain_probabilities(*flat(whole)).argmax(axis=1)]


def test_texts_of_unseen_kinds_are_mostly_told():
    truth = np.array([name for name, own in UNSEEN.items() for _ in own])
    right = told([text for own in UNSEEN.values() for text in own]) == truth
    assert right.mean() > 0.75  # markup and style sheets, above all, are not known as code
    for name in UNSEEN:
        assert right[truth == name].mean() > 0.5, name


def test_texts_of_the_corpus_are_told(request):
    """Of 180 bytes, of which the coefficients are made; benchmarks say it for unseen packages."""
    documents = read_corpus(request.config.rootpath / "corpus" / "corpus.tar.xz")[::4]
    code = {"headers", "stubs", "tests"}
    texts = [document.text[180:360] for document in documents if len(document.text) > 360]
    truth = [own.domain for own in documents if len(own.text) > 360]
    right = told(texts) == np.array(["code" if own in code else own for own in truth])
    assert right.mean() > 0.85
    for name in DOMAINS:
        assert right[np.array(truth) == name].mean() > 0.6, name


def test_words_are_counted_whole_and_in_either_case():
    shares = word_shares(*flat(["The theme: THE end", "", "x1def(2)"]), NUMBERS, HOLDS)
    english, other = list(WORDS).index("english"), list(WORDS).index("other_code")
    assert shares[0, english] == pytest.approx(2 / 4)
    assert shares[0, other] == pytest.approx(1 / 4)  # "end"
    assert not shares[1].any()
    assert shares[2, list(WORDS).index("python")] == pytest.approx(1 / 2)


def test_every_listed_word_is_known_and_no_other():
    listed = sorted({word for own in WORDS.values() for word in own})
    others = [word[1:] + "q" for word in listed] + [word + "s" for word in listed]
    expected = [[word in own for own in WORDS.values()] for word in listed + others]
    assert word_shares(*flat(listed + others), NUMBERS, HOLDS).tolist() == expected


def test_a_text_is_judged_alone_and_probabilities_sum_to_one():
    whole = [UNSEEN["code"][0], "", UNSEEN["prose"][0], "\ud800", "😀" * 40, "\0" * 64, "a"]
    together = domain_probabilities(*flat(whole))
    assert np.allclose(together.sum(axis=1), 1)
    assert np.allclose(together[1], 1 / len(DOMAINS))  # of an empty text, nothing is known
    for text, row in zip(whole, together, strict=True):
        assert np.array_equal(domain_probabilities(*flat([text]))[0], row)
    assert domain_probabilities(*flat([])).shape == (0, len(DOMAINS))


def test_the_score_is_a_matrix_product():
    found = np.random.default_rng(0).random((7, len(EVIDENCE)))
    assert np.allclose(score(found, WEIGHTS, BIAS), found @ WEIGHTS + BIAS)
    assert evidence(*flat(["a"])).shape == (1, len(EVIDENCE))


def test_each_sequence_is_in_its_domain_and_no_other():
    columns = one_hot(np.array(["law", "code", None, "law"], dtype=object))
    assert {name: own.tolist() for name, own in columns.items()} == {
        "code": [0, 1, 0, 0],
        "law": [1, 0, 0, 1],
    }
    assert one_hot(np.array([None, None], dtype=object)) == {}
    with pytest.raises(UserError, match=r"'a_b'.*rename"):
        one_hot(np.array(["a b", "a/b"], dtype=object))
