# SPDX-License-Identifier: MIT
"""What follows from a project's files for its entry of `applications`: one file a rule, and the order in which they are asked.

A rule looks at the project and adds to the draft: keys of the entry, variables, managed settings, and sentences on what was found
and what could not be told. It runs nothing of the project. A new one is a file here and a line in ``RULES``.
"""

from __future__ import annotations

from collections.abc import Callable

from tools.new_app.project import Draft, Project
from tools.new_app.rules import (
    celery,
    data,
    database,
    debian_packages,
    dockerfile,
    dotenv,
    extensions,
    files,
    fixtures,
    health,
    hosts,
    hsts,
    logging,
    mail,
    makefile,
    media,
    modules,
    npm,
    packages,
    pooling,
    procfile,
    python,
    queues,
    redis,
    release_commands,
    requirements,
    secret_key,
    security,
    site,
    static,
    superuser,
    supervisor,
    timers,
    uploads,
    urls,
    uwsgi_ini,
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
    site.site,
    data.data,
    database.database,
    pooling.pooling,
    security.security,
    hsts.hsts,
    redis.redis,
    mail.mail,
    # After all rules that know a variable.
    files.files,
    variables.variables,
    logging.logging,
    urls.urls,
    # What is built and collected.
    npm.npm,
    release_commands.release_commands,
    # What runs beside the pages. Celery asks whether there is Redis; each file names what those before it have not; the commands
    # of the project come after the files that name them.
    celery.celery,
    procfile.procfile,
    supervisor.supervisor,
    uwsgi_ini.uwsgi_ini,
    dockerfile.dockerfile,
    makefile.makefile,
    queues.queues,
    timers.timers,
    fixtures.fixtures,
    # What has to be there.
    packages.packages,
    debian_packages.debian_packages,
    extensions.extensions,
    # The rest.
    superuser.superuser,
    uploads.uploads,
    dotenv.dotenv,
)
