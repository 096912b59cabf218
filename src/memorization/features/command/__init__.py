"""Features of a table of one's own, from the command line: ``python -m memorization.features``.

``line`` reads the command line, ``write`` goes through the table, ``rows``, ``corpus`` and
``reference`` read what it is given.
"""
