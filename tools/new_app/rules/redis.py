# SPDX-License-Identifier: MIT
"""Redis: whether it is wanted, and how the project learns where it is."""

from __future__ import annotations

from tools.new_app.expressions import Variable
from tools.new_app.project import Draft, Project

BROKERS = ("BROKER_URL", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "CACHE_URL")
WORKERS = ("celery", "rq", "django-rq", "huey")
CLIENTS = ("redis", "django-redis", "channels-redis", "rq", "django-rq", "celery[redis]")


def redis(project: Project, draft: Draft) -> None:
    """From the variables that the settings read, or set by the product."""
    possible = _environment(project, draft)
    if not draft.entry.get("redis"):
        _fixed(project, draft)
    if draft.entry.get("redis"):
        draft.open.append(
            "It wants Redis: put one host into the group redis of the inventory, the web host for example (docs/redis.md)."
        )
    elif not possible and project.requirements.has(*CLIENTS):
        draft.open.append(
            "It requires a client of Redis, and no address was found in the settings: if it needs one, set redis: true and ${redis_url}."
        )
    if possible:
        draft.open.append(
            f"It can use Redis: for that set redis: true, and {' or '.join(possible)} to ${{redis_url}} in secret_environment."
        )


def _environment(project: Project, draft: Draft) -> list[str]:
    """Give the variables that are needed; returns those that may be left out."""
    possible = []
    for variable in project.settings.variables.values():
        if not _is_address(variable):
            continue
        if variable.required or project.requirements.has(*WORKERS):
            draft.give(variable, "${redis_url}", secretly=True)
            draft.entry["redis"] = True
        else:
            possible.append(variable.name)
    return possible


def _is_address(variable: Variable) -> bool:
    name = variable.name
    return ("REDIS" in name and name.endswith(("URL", "LOCATION", "URI"))) or name in BROKERS


def _fixed(project: Project, draft: Draft) -> None:
    """An address that is written in the settings."""

    def addresses(texts: list[str]) -> bool:
        return any(text.startswith(("redis://", "rediss://")) for text in texts)

    if not any(addresses(value.strings()) for value in project.settings.values.values()):
        return
    draft.entry["redis"] = True
    if project.requirements.has("celery"):
        for name in ("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"):
            draft.give_name(name, "${redis_url}", secretly=True)
        draft.found.append(
            "The address of Redis is written in the settings; Celery prefers CELERY_BROKER_URL and CELERY_RESULT_BACKEND."
        )
    if any(text.startswith("redis") for text in project.settings.strings("CACHES")):
        draft.manage("cache", "the address of Redis is written in CACHES")
