"""The fixtures that the scenarios of deploys share."""

from bounded import pytest_collection_modifyitems, pytest_runtest_setup, pytest_terminal_summary
from deploy_fixtures import any_visitor, good, sources, unharmed

__all__ = [
    "any_visitor",
    "good",
    "pytest_collection_modifyitems",
    "pytest_runtest_setup",
    "pytest_terminal_summary",
    "sources",
    "unharmed",
]
