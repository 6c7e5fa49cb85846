"""Settings of the tests: production's, with database and files in memory. Needs no environment."""

import os

# Nothing of the caller's environment may change what is tested.
for _name in (
    "CONN_MAX_AGE",
    "CSRF_TRUSTED_ORIGINS",
    "DEBUG",
    "HTTPS_ONLY",
    "LANGUAGE_CODE",
    "LOG_FORMAT",
    "LOG_LEVEL",
    "PICTURE_MAX_MB",
    "RELEASE",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS",
    "SECURE_HSTS_PRELOAD",
    "SECURE_HSTS_SECONDS",
    "TIME_ZONE",
):
    os.environ.pop(_name, None)

os.environ.update(
    SECRET_KEY="only-for-tests",
    DATABASE_URL="sqlite://:memory:",
    ALLOWED_HOSTS="testserver",
    STATIC_ROOT="/nonexistent/static",
    MEDIA_ROOT="/nonexistent/media",
    API_TOKEN="token-of-the-tests",
    LOG_LEVEL="CRITICAL",
)

from board.settings import *  # noqa: E402, F403

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# The real hasher is slow on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
