# SPDX-License-Identifier: MIT
"""The project's settings, with those that the entry of `applications` asks to be set in its place.

Ansible writes the MANAGED_* variables into the environment of each slot (see docs/applications.md). The project's own
code stays as it is: this module imports its settings and overrides what is listed in MANAGED_SETTINGS.
"""

import importlib
import json
import os

import django
from django.conf import global_settings
from django.core.exceptions import ImproperlyConfigured

_chosen = set(filter(None, os.environ["MANAGED_SETTINGS"].split(",")))
_project = importlib.import_module(os.environ["MANAGED_SETTINGS_MODULE"])
globals().update({name: getattr(_project, name) for name in dir(_project) if name.isupper()})


def _variable(name: str) -> str:
    return os.environ[f"MANAGED_{name}"]


if "security" in _chosen:
    # nginx ends TLS and redirects plain HTTP; what Django adds is that cookies never travel without it.
    DEBUG = False
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_CONTENT_TYPE_NOSNIFF = True
    # A project that promises more keeps its promise: browsers hold it to that.
    SECURE_HSTS_SECONDS = max(3600, int(getattr(_project, "SECURE_HSTS_SECONDS", 0) or 0))
    X_FRAME_OPTIONS = "DENY"

if "secret_key" in _chosen:
    SECRET_KEY = os.environ["SECRET_KEY"]
    # While it is replaced: keys that still count for what was signed with them.
    if "SECRET_KEY_FALLBACKS" in os.environ:
        SECRET_KEY_FALLBACKS = [key for key in os.environ["SECRET_KEY_FALLBACKS"].split(",") if key]

if "hosts" in _chosen:
    _domains = _variable("DOMAINS").split(",")
    # `*.example.org` of certificates and nginx is `.example.org` here.
    ALLOWED_HOSTS = [domain.removeprefix("*") for domain in _domains]
    CSRF_TRUSTED_ORIGINS = [f"https://{domain}" for domain in _domains]

if "database" in _chosen:
    _options = {"connect_timeout": 5}
    if "MANAGED_DATABASE_SSLMODE" in os.environ:
        _options |= {
            "sslmode": _variable("DATABASE_SSLMODE"),
            "sslrootcert": _variable("DATABASE_CA_FILE"),
            # What ends a dead connection in seconds: group_vars/all/database.yml.
            **json.loads(os.environ.get("MANAGED_DATABASE_OPTIONS", "{}")),
        }
    DATABASES = {
        **getattr(_project, "DATABASES", {}),
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": _variable("DATABASE_HOST"),
            "PORT": _variable("DATABASE_PORT"),
            "NAME": _variable("DATABASE_NAME"),
            "USER": _variable("DATABASE_USER"),
            "PASSWORD": _variable("DATABASE_PASSWORD"),
            # A connection a request is many times slower than a kept one; each request asks whether it still works.
            "CONN_MAX_AGE": 600,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": _options,
        },
    }
    if os.environ.get("MANAGED_DATABASE_REPLICA_HOST", _variable("DATABASE_HOST")) != _variable("DATABASE_HOST"):
        # Reads alone: where the project's own router, or .using("replica"), sends them.
        DATABASES["replica"] = {
            **DATABASES["default"],
            "HOST": _variable("DATABASE_REPLICA_HOST"),
            # The address is that of the host that takes writes; a standby of ours has its own.
            "OPTIONS": {
                **{_key: _options[_key] for _key in _options if _key != "hostaddr"},
                "target_session_attrs": "any",
                **json.loads(os.environ.get("MANAGED_DATABASE_REPLICA_OPTIONS", "{}")),
            },
            "TEST": {"MIRROR": "default"},
        }

if "database" in _chosen:
    for _alias in filter(None, os.environ.get("MANAGED_DATABASE_ALIASES", "").split(",")):
        _names = {_key: _variable(f"DATABASE_{_alias.upper()}_{_key}") for _key in ("NAME", "USER", "PASSWORD")}
        DATABASES[_alias] = {**DATABASES["default"], **_names}

if _pooling := os.environ.get("MANAGED_DATABASE_POOLING", ""):
    # Whoever wrote DATABASES. Between two transactions another client has the connection, and a cursor of the server would be gone;
    # with a session for each client it is given back after each request, so that the pooler can be paused.
    _pooled = {"DISABLE_SERVER_SIDE_CURSORS": True} if _pooling == "transaction" else {"CONN_MAX_AGE": 0}
    DATABASES = {
        _alias: {**_one, **_pooled} if str(_one.get("HOST", "")).startswith("/run/pgbouncer/") else _one
        for _alias, _one in globals().get("DATABASES", {}).items()
    }

if os.environ.get("MANAGED_DATABASE_AUTH") == "iam":
    # Whoever wrote DATABASES: it is the password that differs, and the backend makes it for each connection.
    DATABASES = {
        _alias: {**_one, "ENGINE": "rds_iam_backend", "PASSWORD": ""}
        if _one.get("ENGINE") == "django.db.backends.postgresql"
        else _one
        for _alias, _one in globals()["DATABASES"].items()
    }

if "static" in _chosen:
    STATIC_URL = _variable("STATIC_URL")
    STATIC_ROOT = _variable("STATIC_ROOT")
    _hashed = "managed_staticfiles.HashedStaticFilesStorage"
    _plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    if django.VERSION >= (4, 2):
        _storages = dict(getattr(_project, "STORAGES", {}))
        _storages.setdefault("default", {"BACKEND": "django.core.files.storage.FileSystemStorage"})
        _own = _storages.get("staticfiles", {}).get("BACKEND") or getattr(_project, "STATICFILES_STORAGE", _plain)
        # A storage that the project chose itself stays.
        if _own == _plain:
            globals().pop("STATICFILES_STORAGE", None)
            STORAGES = {**_storages, "staticfiles": {"BACKEND": _hashed}}
    elif getattr(_project, "STATICFILES_STORAGE", _plain) == _plain:
        STATICFILES_STORAGE = _hashed

if "media" in _chosen:
    MEDIA_URL = _variable("MEDIA_URL")
    MEDIA_ROOT = _variable("MEDIA_ROOT")
    # nginx reads what the application wrote: both are in the application's group.
    FILE_UPLOAD_PERMISSIONS = 0o640
    FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o750

if "cache" in _chosen:
    CACHES = {
        **getattr(_project, "CACHES", {}),
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": _variable("REDIS_URL")},
    }

if "mail" in _chosen:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = _variable("MAIL_HOST")
    EMAIL_PORT = int(_variable("MAIL_PORT"))
    EMAIL_HOST_USER = _variable("MAIL_USER")
    EMAIL_HOST_PASSWORD = _variable("MAIL_PASSWORD")
    EMAIL_USE_TLS = _variable("MAIL_USE_TLS") == "True"
    EMAIL_USE_SSL = _variable("MAIL_USE_SSL") == "True"
    # A server that is away must not keep a request for minutes.
    EMAIL_TIMEOUT = 10
    DEFAULT_FROM_EMAIL = SERVER_EMAIL = _variable("MAIL_SENDER")
    _admins = list(filter(None, _variable("MAIL_ADMINS").split(",")))
    ADMINS = _admins if django.VERSION >= (6, 0) else [(_one, _one) for _one in _admins]

if "logging" in _chosen:
    # To the journal: Django's own default mails errors to ADMINS and says nothing where there are none.
    LOGGING = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "{levelname} {name} {message}", "style": "{"}},
        "handlers": {"journal": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["journal"], "level": "INFO"},
        "loggers": {"django": {"handlers": ["journal"], "level": "INFO", "propagate": False}},
    }
    if "mail" in _chosen and _variable("MAIL_ADMINS"):
        LOGGING["handlers"]["mail"] = {"class": "django.utils.log.AdminEmailHandler", "level": "ERROR"}
        LOGGING["loggers"]["django"]["handlers"] = ["journal", "mail"]


def _added(name: str, added: object, in_front: bool) -> object:
    """The setting with what is added to it. Django's default stands in for one that the project leaves out."""
    now = globals().get(name, getattr(global_settings, name, type(added)()))
    if isinstance(now, dict) and isinstance(added, dict):
        return {**now, **added}
    if not isinstance(now, (list, tuple)) or not isinstance(added, list):
        raise ImproperlyConfigured(
            f"settings of the entry adds a {type(added).__name__} to {name}, which is a {type(now).__name__} here. "
            f"Write {name} without '+' to replace it."
        )
    new = [one for one in added if one not in now]
    return type(now)([*new, *now] if in_front else [*now, *new])


_values = json.loads(os.environ.get("MANAGED_VALUES", "{}"))
globals().update({_name: _value for _name, _value in _values.items() if "+" not in _name})
for _name, _value in _values.items():
    if "+" in _name:
        globals()[_name.strip("+")] = _added(_name.strip("+"), _value, in_front=_name.startswith("+"))
