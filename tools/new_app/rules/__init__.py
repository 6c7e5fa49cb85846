"""What follows from a project's files for its entry of `applications`: one file a rule, and the order in which they are asked.

A rule looks at the project and adds to the draft: keys of the entry, variables, managed settings, and sentences on what was found
and what could not be told. It runs nothing of the project. A new one is a file here and a line in ``RULES``.
"""

from __future__ import annotations

from collections.abc import Callable

from tools.new_app.project import Draft, Project
from tools.new_app.rules import (
    celery,
    database,
    debian_packages,
    dotenv,
    extensions,
    health,
    hosts,
    logging,
    media,
    modules,
    npm,
    packages,
    procfile,
    python,
    redis,
    release_commands,
    requirements,
    secret_key,
    security,
    static,
    superuser,
    timers,
    uploads,
    urls,
    variables,
)

Rule = Callable[[Project, Draft], None]

RULES: tuple[Rule, ...] = (
    # What it is made of.
    requirements.requirements,
    python.python,
    modules.modules,
    health.health,
    # What a server's settings need: from its environment, or set by the product.
    secret_key.secret_key,
    hosts.hosts,
    static.static,
    media.media,
    database.database,
    security.security,
    redis.redis,
    # After all rules that know a variable.
    variables.variables,
    logging.logging,
    urls.urls,
    # What is built and collected.
    npm.npm,
    release_commands.release_commands,
    # What runs beside the pages; Celery asks whether there is Redis, the Procfile what Celery runs already.
    celery.celery,
    procfile.procfile,
    # What has to be there.
    packages.packages,
    debian_packages.debian_packages,
    timers.timers,
    extensions.extensions,
    # The rest.
    superuser.superuser,
    uploads.uploads,
    dotenv.dotenv,
)
