"""The text that the micro suite trains on: how it was gathered, and how to read it."""
