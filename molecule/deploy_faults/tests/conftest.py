"""The fixtures that the scenarios of deploys share."""

from deploy_fixtures import any_visitor, good, sources, unharmed

__all__ = ["any_visitor", "good", "sources", "unharmed"]
