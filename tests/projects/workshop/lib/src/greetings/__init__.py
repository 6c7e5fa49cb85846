"""Greetings."""


def hello() -> str:
    """The greeting."""
    return "hello from the library"
