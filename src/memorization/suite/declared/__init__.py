"""The suites that others have published: a file of declarations each, and what reads them."""
