"""Whether the application can do its work: the database answers, and its schema is the code's."""

import logging

from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

logger = logging.getLogger(__name__)


class _Schema:
    # Reading the migrations costs files and a query. Once none is pending, none can
    # become pending in the life of this process: its code does not change.
    is_current = False


def why_not_ready() -> str | None:
    """The reason in a few words that are safe to show to anyone; the log has the details."""
    try:
        if _Schema.is_current:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            return None
        pending = _pending_migrations()
    except (OperationalError, InterfaceError):
        logger.warning("The database is not reachable", exc_info=True)
        return "the database is not reachable"
    except DatabaseError:
        logger.warning("The database refused the readiness query", exc_info=True)
        return "the database refused a query"
    if pending:
        return f"{pending} migrations are not applied" if pending > 1 else "1 migration is not applied"
    _Schema.is_current = True
    return None


def forget_schema() -> None:
    """Makes the next check look at the migrations again."""
    _Schema.is_current = False


def _pending_migrations() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
