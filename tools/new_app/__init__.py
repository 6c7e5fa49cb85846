# SPDX-License-Identifier: MIT
"""The first draft of an application's entry: looks at a Django project without running a line of it.

``python -m tools.new_app SOURCE`` is what ``make new-app SOURCE=…`` calls. ``source`` gets the project; ``project``, ``settings``,
``requirements`` and ``commands`` read it, with ``expressions`` for what a line of settings says and ``cases`` for what chooses between
several; ``examine`` asks the rules in ``rules/`` what follows, and ``draft`` writes it down.
"""


class NewAppError(Exception):
    """The draft cannot be made; the message says why and what to do instead."""
