"""The one application of the project."""

import os
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate


def remember(**_words: Any) -> None:
    """Write down that `migrate` ran, and for which release."""
    with Path(settings.MEDIA_ROOT, "migrated.log").open("a") as log:
        log.write(os.environ["RELEASE"] + "\n")


class Shop(AppConfig):
    name = "shop"

    def ready(self) -> None:
        post_migrate.connect(remember, sender=self)
