"""Which features go with memorization: each alone, each family alone, and what a family adds.

``univariate`` ranks by single features, ``families`` fits them by the family, ``correlation`` says
which say the same, ``analyse`` puts the answers together.
"""
