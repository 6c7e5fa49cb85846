"""Settings. Whatever differs between two places comes from the environment; README.md lists it."""

import os
from pathlib import Path

from board.environment import Environment

BASE_DIR = Path(__file__).resolve().parent.parent

env = Environment(os.environ)

DEBUG = env.flag("DEBUG", default=False)
HTTPS_ONLY = env.flag("HTTPS_ONLY", default=True)
RELEASE = env.text("RELEASE", "development")

SECRET_KEY = env.required("SECRET_KEY")
# While the key is replaced: keys that still count for what was signed with them.
SECRET_KEY_FALLBACKS = env.items("SECRET_KEY_FALLBACKS")
DATABASES = {"default": env.database("DATABASE_URL", max_age=env.seconds_or_forever("CONN_MAX_AGE"))}
# A wildcard may be written as in certificates: Django's own form of *.example.org is .example.org.
ALLOWED_HOSTS = [
    name.removeprefix("*") if name.startswith("*.") else name for name in env.required_items("ALLOWED_HOSTS")
]
STATIC_ROOT = env.required("STATIC_ROOT")
MEDIA_ROOT = env.required("MEDIA_ROOT")
API_TOKEN = env.required("API_TOKEN")

# --- The application ---

INSTALLED_APPS = [
    "posts",
    "operations",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    # First, so that whatever the others log carries the request's id.
    "board.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "board.middleware.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "board.urls"
WSGI_APPLICATION = "board.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "board.context_processors.release",
            ],
        },
    },
]

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# In a cookie, so that a page with a success message asks the database for no session.
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

LANGUAGE_CODE = env.text("LANGUAGE_CODE", "en")
TIME_ZONE = env.text("TIME_ZONE", "UTC")
USE_I18N = True
USE_TZ = True

# --- Files ---

STATIC_URL = "/static/"
MEDIA_URL = "/media/"
STATICFILES_DIRS = [BASE_DIR / "static"]

STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        # nginx reads uploads as a member of the application's group; others read nothing.
        "OPTIONS": {"file_permissions_mode": 0o640, "directory_permissions_mode": 0o750},
    },
    "staticfiles": {
        # Names with a hash in them may be cached for ever. While DEBUG is on, Django serves
        # the files from where they are written and no collected manifest exists.
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",
    },
}

PICTURE_MAX_BYTES = env.number("PICTURE_MAX_MB", 5) * 1024 * 1024

# --- Security ---

# nginx ends TLS and says HTTPS=on in the uwsgi parameters, from which board/wsgi.py takes the
# scheme. No SECURE_PROXY_SSL_HEADER: it would trust a header that any client can send.
#
# nginx redirects HTTP to HTTPS itself. The redirect here only acts when a request reaches the
# application some other way; the three health addresses answer there as well, because checks on
# the host speak to the socket directly.
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^version$"]
SESSION_COOKIE_SECURE = HTTPS_ONLY
CSRF_COOKIE_SECURE = HTTPS_ONLY
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = env.items("CSRF_TRUSTED_ORIGINS")
X_FRAME_OPTIONS = "DENY"

SECURE_HSTS_SECONDS = env.number("SECURE_HSTS_SECONDS", 31_536_000) if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.flag("SECURE_HSTS_PRELOAD", default=False)

SILENCED_SYSTEM_CHECKS = [
    # W005 and W021 ask for HSTS on all subdomains and for preloading. Both bind hosts that this
    # application knows nothing about, for a year and hardly revocably: the owner of the domain
    # turns them on by the two variables above.
    "security.W005",
    "security.W021",
]

# --- Logging: to stderr, where systemd's journal picks it up ---

LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
LOG_FORMAT = env.choice("LOG_FORMAT", "json", ("json", "plain"))

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "board.log.RequestIdFilter"}},
    "formatters": {
        "json": {"()": "board.log.JsonFormatter"},
        "plain": {"format": "{levelname} {name} [{request_id}] {message}", "style": "{"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "filters": ["request_id"],
            "formatter": LOG_FORMAT,
        },
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    # Django's own handlers would print to the terminal in DEBUG only and send mail otherwise.
    "loggers": {"django": {"handlers": [], "level": LOG_LEVEL, "propagate": True}},
}

env.check()
