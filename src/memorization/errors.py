"""The one exception that is written for the person at the keyboard."""


class UserError(Exception):
    """A mistake in the input: the message says what was wrong, what is allowed and what to do.

    Stages and commands print it as one line, without a traceback, and exit with status 1.
    """
