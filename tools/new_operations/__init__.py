# SPDX-License-Identifier: MIT
"""A team's operations repository: what is their own, with ours beside it as a pinned submodule (docs/operations.md).

``python -m tools.new_operations new DIR`` is what ``make new-operations DIR=…`` calls, ``update DIR`` what ``make update`` calls in
such a repository. ``layout`` says what lies where, ``repository`` speaks with git.
"""

# The submodule's directory; paths in files of the team name it.
PRODUCT = "django-ec2"


class NewOperationsError(Exception):
    """The repository cannot be made; the message says why and what to do instead."""
