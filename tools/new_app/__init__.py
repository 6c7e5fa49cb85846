# SPDX-License-Identifier: MIT
"""The first draft of an application's entry: looks at a Django project without running a line of it.

``python -m tools.new_app SOURCE`` is what ``make new-app SOURCE=…`` calls. ``source`` gets the project, ``project``,
``settings`` and ``requirements`` read it, ``examine`` asks the rules in ``rules/`` what follows, ``draft`` writes it down.
"""


class NewAppError(Exception):
    """The draft cannot be made; the message says why and what to do instead."""
