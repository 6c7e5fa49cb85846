"""Every service that a site needs comes back by itself, and says so when it cannot."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from render import render

from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.resolve import resolve_applications
from ansible_collections.django_ec2.site.plugins.plugin_utils.application_server import instances
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.units import units

DATABASE = {"password": "p", "owner_password": "o"}
SHOP = {
    "domains": ["shop.test"], "source": "shop", "settings_module": "shop.settings", "wsgi_module": "shop.wsgi",
    "secret_environment": {"SECRET_KEY": "x"}, "database": DATABASE, "services": {"worker": {"command": "celery -A shop worker"}},
}  # fmt: skip


def unit_of_service() -> str:
    """The unit of an application's service."""
    (entry,) = resolve_applications({"shop": SHOP})
    (file,) = units([entry], singletons=True)
    return render("django", file["template"], **file["vars"])


def unit_of_server() -> str:
    """The unit of an application's server."""
    (instance,) = instances(resolve_applications({"shop": SHOP}))
    return render("uwsgi", "unit.service.j2", instance={"settings": {}, **instance})


UNITS = {
    "postgres": lambda: render("postgres", "restart.conf.j2"),
    "redis": lambda: render("redis", "restart.conf.j2"),
    "nginx": lambda: render("nginx", "restart.conf.j2"),
    "uwsgi": unit_of_server,
    "service": unit_of_service,
}


@pytest.mark.parametrize("name", UNITS)
def test_a_service_comes_back_within_a_limit_that_shows(name: str) -> None:
    lines = UNITS[name]().splitlines()
    settings = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    assert settings["Restart"] in ("on-failure", "always")
    # So many starts in so many seconds have to be possible at this pace, or the limit is never reached and nobody is told.
    pace = float(settings["RestartSec"].removesuffix("ms")) / (1000 if settings["RestartSec"].endswith("ms") else 1)
    assert 0 < int(settings["StartLimitBurst"]) * pace < int(settings["StartLimitIntervalSec"])
    assert settings["OnFailure"] == "start-again@%n.service"
    assert settings["OOMPolicy"] == "continue"


def test_processes_that_outlive_their_postmaster_do_not_keep_the_next_one_from_starting() -> None:
    assert "\nKillMode=mixed\n" in UNITS["postgres"]()


def test_some_megabytes_less_leave_redis_alone() -> None:
    def configuration(memory: int) -> str:
        return render("redis", "redis.conf.j2", redis_memory_mb=memory)

    assert "maxmemory 448mb" in configuration(1000)
    assert configuration(1000) == configuration(960)
