# SPDX-License-Identifier: MIT
"""What an entry of `applications` may say: one description of every key, as data.

Validation, defaults, the tables of docs/applications.md, the order of keys in a draft of `make new-app`, and what a build is
told of an entry follow from it. A new key is added here, and what it means in `resolve`, `environment` or `views`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Key:
    """One key of an entry or of a mapping inside it."""

    name: str
    # As in argument specs: str, bool, int, list or dict.
    type: str
    # For docs/applications.md, in Markdown.
    description: str
    default: Any = None
    required: bool = False
    # Of a list: the type of its elements. Of a dict: `dict`, where its names are free and `options` describe each of its values.
    elements: str = ""
    choices: tuple[str, ...] = ()
    # A word that may stand in place of a value of the type.
    word: str = ""
    # A regular expression for the whole of a value as text, for each element of a list, or for each name of a dict.
    pattern: str = ""
    # The end of the sentence that refuses what is no such value; it begins with the key and the value.
    otherwise: str = ""
    # Whether a build of a release is told of it. What it is not told of can't change a release, and may be a secret.
    build: bool = False
    example: Any = None
    # Of a dict: its keys.
    options: tuple[Key, ...] = ()


# Of a service or a timer, of an application.
PROCESS_NAME = r"[a-z][a-z0-9_]{0,30}"
APPLICATION_NAME = r"[a-z][a-z0-9_]{0,30}"
LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
DOMAIN = rf"(?=.{{1,253}}$)(\*\.)?{LABEL}(\.{LABEL})*"
MODULE = r"[A-Za-z_][\w.]*"
URL_PATH = r"/([\w.-]+/)+"
LOCATION = r"/([\w.~@:+-]+/?)*"
CERTIFICATE_PROVIDER = r"(acme|project_ca|files)?"
# Of a static file, below STATIC_ROOT.
STATIC_PAGE = r"(?!/)(?!(.*/)?\.\.?(/|$))[\w./+-]+\.html|"
HSTS = r"max-age=\d+(; includeSubDomains)?(; preload)?|"
BELOW_THE_SOURCE = r"(?!/)(?!(.*/)?\.\.(/|$)).*"
VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
# Of PostgreSQL; empty is the default that follows from the application's name.
IDENTIFIER = {
    "pattern": r"|[a-z_][a-z0-9_]{0,62}",
    "otherwise": "is no identifier: write small letters, digits and '_', as in 'shop'",
}
WHOLE = {"pattern": r"[1-9]\d*", "otherwise": "is no whole number"}
SIZE = {"pattern": r"(\d+[kmg]?)?", "otherwise": "is no size, as in '200m'"}
# Where people log in, or have a mail sent to them: Django's own, its admin's, and those of django-allauth.
LOGIN_PATHS = (
    "/accounts/login/",
    "/accounts/password/reset/",
    "/accounts/password_reset/",
    "/accounts/signup/",
    "/admin/login/",
    "/login/",
)
SECONDS = {"pattern": r"[1-9]\d*", "otherwise": "is no whole number of seconds"}

# Words of `managed_settings`, and what roles/release/files/support/managed_settings.py sets for each.
MANAGED_SETTINGS = {
    "database": '`DATABASES["default"]`: PostgreSQL, kept connections with health checks, TLS verified',
    "secret_key": "`SECRET_KEY`, from `secret_environment.SECRET_KEY`, and `SECRET_KEY_FALLBACKS` (commas) where it is there",
    "hosts": "`ALLOWED_HOSTS` and `CSRF_TRUSTED_ORIGINS`, from `domains`",
    "security": "`DEBUG = False`, cookies over HTTPS alone, HSTS (an hour, or as long as the project's), no framing",
    "static": "`STATIC_URL`, `STATIC_ROOT`, and hashed names where the project chose no storage of its own",
    "media": "`MEDIA_URL`, `MEDIA_ROOT`, and modes with which nginx can read uploads",
    "cache": '`CACHES["default"]`: Redis (needs `redis: true`)',
    "logging": "everything to the journal; errors to `mail.admins` too, with `mail`",
    "mail": "`EMAIL_…`, `DEFAULT_FROM_EMAIL`, `SERVER_EMAIL` and `ADMINS`, from `mail`",
}

# What values of both environments and of `settings` may ask for, as ${name}.
PLACEHOLDERS = {
    "database_url": "URL of the database, with login, TLS and the options of libpq",
    "database_host": "host of the database, or the directory of its unix socket",
    "database_port": "port of the database",
    "database_name": "name of the database",
    "database_user": "login of the application; in migrations that of the owner",
    "database_password": "password of the login; empty with `database_auth: iam`",
    "database_sslmode": "sslmode of libpq: `verify-full`; empty on a unix socket",
    "database_ca_file": "file of the authority that signs the database's certificate (`sslrootcert`); empty on a unix socket",
    "database_replica_host": "host of the read replica; the database's own without one",
    "database_replica_url": "URL of the read replica; the database's own without one",
    "redis_url": "URL of Redis (needs `redis: true`)",
    "mail_host": "host of the mail server (this and the next need `mail`)",
    "mail_port": "port of the mail server",
    "mail_user": "login there",
    "mail_password": "password of that login",
    "mail_use_tls": "`True` with `tls: starttls`, otherwise `False`",
    "mail_use_ssl": "`True` with `tls: tls`, otherwise `False`",
    "mail_sender": "address that mails come from",
    "mail_admins": "addresses that errors go to, with commas between them",
    "mail_url": "all but the addresses as a URL, `smtp+tls://login:password@host:port`, as django-environ reads it",
    "static_root": "where `collectstatic` writes to, in the release",
    "media_root": "where uploads are kept; nginx gives them to everybody",
    "data_root": "where it keeps files of its own; nobody else reads them",
    "release": "the release's identifier",
}

# What values may ask for of a further database, as ${database_<alias>_<word>}.
MORE_DATABASE_WORDS = ("url", "host", "port", "name", "user", "password")

ENVIRONMENT = Key(
    "environment",
    "dict",
    "environment variables of its own",
    default={},
    pattern=VARIABLE,
    otherwise="is no name for an environment variable",
    example={"LOG_LEVEL": "info"},
)

DATABASE = (
    Key("name", "str", "name of the database; the application's where empty", default="", **IDENTIFIER),
    Key("user", "str", "role of the application; the application's name where empty", default="", **IDENTIFIER),
    Key(
        "login",
        "str",
        "who logs in with the rights of `user`; `user` itself where empty. [Rotation](database.md) takes two in turn",
        default="",
        **IDENTIFIER,
    ),
    Key(
        "password", "str", "password of `login`; preflight refuses an empty one", default="", example="{{ secrets.… }}"
    ),
    Key(
        "owner",
        "str",
        "role that owns the tables and migrates; the application's name and `_owner` where empty",
        default="",
        **IDENTIFIER,
    ),
    Key(
        "owner_password",
        "str",
        "password of `owner`; preflight refuses an empty one",
        default="",
        example="{{ secrets.… }}",
    ),
    Key(
        "url_scheme",
        "str",
        "what the URLs of the database begin with, for projects that know another one: `postgres`, `postgis` …",
        default="postgresql",
        pattern=r"[a-z][a-z0-9+.-]*",
        otherwise="is no scheme of a URL, as in 'postgis'",
        example="postgis",
    ),
    Key("extensions", "list", "PostgreSQL's extensions", default=[], elements="str", example=["pg_trgm"]),
    Key(
        "memberships",
        "list",
        "roles of the server whose rights `user` has beside its own; any other membership of its roles is revoked",
        default=[],
        elements="str",
        example=["pg_read_all_stats"],
    ),
    Key(
        "connection_limit",
        "int",
        "connections that `user` may have at once; `-1` leaves it to the role postgres or rds_client",
        default=-1,
        pattern=r"-1|\d+",
        otherwise="is no whole number",
    ),
)

# An alias of Django's, which stands in the middle of placeholders, ${database_analytics_url}, and of the names of secrets: that of
# the first owner's password is database_owner_password.
DATABASE_ALIAS = r"(?!(default|replica|owner)$)[a-z][a-z_]{0,30}"

SUPERUSER = (
    Key("username", "str", "name", required=True, example="admin"),
    Key("email", "str", "mail address", required=True, example="admin@example.org"),
    Key("password", "str", "password; preflight refuses an empty one", default="", example="{{ secrets.… }}"),
    Key(
        "fields",
        "dict",
        "further fields that the project's user model asks for, name to value",
        default={},
        example={"first_name": "Ada"},
    ),
)

MAIL = (
    Key("host", "str", "name of the mail server", required=True, example="smtp.example.org"),
    Key("port", "int", "its port", default=587, **WHOLE),
    Key(
        "tls",
        "str",
        "`starttls` (port 587), `tls` from the first byte (port 465), or `none`, for a server on the host itself alone",
        default="starttls",
        pattern=r"starttls|tls|none",
        otherwise="is none of starttls, tls and none",
    ),
    Key("user", "str", "login; empty is none", default="", example="shop"),
    Key("password", "str", "password of the login", default="", example="{{ secrets.… }}"),
    Key("sender", "str", "address that mails come from, of errors too", required=True, example="shop@example.org"),
    Key(
        "admins",
        "list",
        "addresses that Django mails errors to (`ADMINS`)",
        default=[],
        elements="str",
        pattern=r"[^@\s,]+@[^@\s,]+",
        otherwise="is no list of mail addresses, as in [ops@example.org]",
        example=["ops@example.org"],
    ),
    Key("prove", "bool", "whether a deploy logs in before it switches, and stops when that fails", default=True),
)

SERVICE = (
    Key("command", "str", "what is run", required=True, example="celery -A shop worker"),
    Key("stop_timeout", "int", "seconds that it has to finish when it is stopped", default=60, **SECONDS),
    Key(
        "singleton",
        "bool",
        "whether it runs on the first web host alone, and the old one ends before the new one starts",
        default=False,
    ),
    ENVIRONMENT,
)

TIMER = (
    Key("command", "str", "what is run", required=True, example="manage.py report"),
    Key("schedule", "str", "when, in the notation of systemd's `OnCalendar`", required=True, example="*-*-* 03:30:00"),
    Key("timeout", "int", "seconds after which it is ended", default=3600, **SECONDS),
    Key("singleton", "bool", "whether it runs on the first web host alone", default=True),
    ENVIRONMENT,
)

CHECK = (
    Key("status", "int", "status of the answer", default=200, pattern=r"[1-5]\d\d", otherwise="is no status of HTTP"),
    Key("text", "str", "what the page has to contain", default="", example="Welcome"),
)

LOCATION_OPTIONS = (
    Key(
        "buffering",
        "bool",
        "whether nginx collects an answer before it sends it; `false` for server-sent events and other streams",
        default=True,
    ),
    Key(
        "max_body_size",
        "str",
        "most that a request may carry there; empty is what the entry's own `max_body_size` says",
        default="",
        example="200m",
        **SIZE,
    ),
    Key(
        "rate",
        "str",
        "how often one address may ask, as `10/s` or `30/m`; more get 429. `none` is without limit",
        default="",
        pattern=r"([1-9]\d{0,5}/[sm]|none)?",
        otherwise="is no rate, as in '10/s' or '30/m', or none",
        example="10/s",
    ),
    Key("burst", "int", "requests above the rate that are taken at once", default=20),
    Key(
        "methods",
        "list",
        "methods that count for the rate; empty is all",
        default=[],
        elements="str",
        choices=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
        example=["POST"],
    ),
)

# An entry. The order is that of the docs and of a draft.
ENTRY = (
    Key(
        "domains",
        "list",
        "names under which it is visited; `*.example.org` stands for all names one level below. Health checks ask for the first "
        "one without `*`, or for `www` in the place of `*`",
        required=True,
        elements="str",
        pattern=DOMAIN,
        otherwise="is no list of domain names in small letters, as in [www.example.org] or ['*.example.org']",
        example=["www.example.org"],
    ),
    Key(
        "source",
        "str",
        "directory of the project, absolute or below this repository (what git ignores is left out); or the URL of a git "
        "repository, or the absolute path of a bare one",
        required=True,
        build=True,
        example="https://git.example.org/shop.git",
    ),
    Key(
        "version",
        "str",
        "branch, tag or commit of a git repository; empty is its default branch",
        default="",
        build=True,
        example="v1.2",
    ),
    Key(
        "deploy_key",
        "str",
        "path on the controller of the private SSH key for a private repository, also for those that requirements name "
        "(`git+ssh://…`)",
        default="",
        build=True,
        example="/home/me/.ssh/shop",
    ),
    Key(
        "project_directory",
        "str",
        "directory of `manage.py`, below the source",
        default=".",
        pattern=BELOW_THE_SOURCE,
        otherwise="has to lie below the source, as in 'src'",
        example="src",
    ),
    Key(
        "python_path",
        "list",
        "further directories below the source that Python looks into",
        default=[],
        elements="str",
        pattern=BELOW_THE_SOURCE,
        otherwise="is no list of directories below the source, as in [src]",
        example=["src"],
    ),
    Key(
        "requirements",
        "list",
        "requirement files, below the source: `requirements*.txt`, `pyproject.toml` (its dependencies), `uv.lock` (exactly "
        "those); `auto` is the first of `uv.lock`, `requirements.txt`, `pyproject.toml` that is there",
        default="auto",
        elements="str",
        word="auto",
        build=True,
        example=["requirements/production.txt"],
    ),
    Key(
        "extras",
        "list",
        "extras and dependency groups of `pyproject.toml`",
        default=[],
        elements="str",
        build=True,
        example=["production"],
    ),
    Key(
        "packages",
        "list",
        "further requirements, in pip's notation",
        default=[],
        elements="str",
        build=True,
        example=["psycopg[binary]"],
    ),
    Key(
        "replace_packages",
        "dict",
        "requirements that others take the place of, name to requirement; `''` leaves one out. For packages that exist only as source",
        default={},
        pattern=r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?",
        otherwise="is no name of a Python package",
        build=True,
        example={"psycopg2": "psycopg2-binary"},
    ),
    Key(
        "ignore_requires_python",
        "bool",
        "whether it is built though `requires-python` of its `pyproject.toml` excludes the hosts' Python",
        default=False,
        build=True,
    ),
    Key(
        "settings_module",
        "str",
        "dotted module of the settings",
        required=True,
        pattern=MODULE,
        otherwise="is no dotted Python module, as in 'project.settings'",
        example="shop.settings",
    ),
    Key(
        "wsgi_module",
        "str",
        "dotted module that holds `application`",
        required=True,
        pattern=MODULE,
        otherwise="is no dotted Python module, as in 'project.wsgi'",
        example="shop.wsgi",
    ),
    Key(
        "managed_settings",
        "list",
        "settings that are set in place of the project's, see below",
        default=[],
        elements="str",
        choices=tuple(MANAGED_SETTINGS),
        example=["database", "static"],
    ),
    Key(
        "settings",
        "dict",
        "further Django settings that are set in place of the project's, name to value; `NAME+` adds to the project's list or "
        "mapping, `+NAME` puts in front of its list",
        default={},
        pattern=r"\+?[A-Z][A-Z0-9_]*|[A-Z][A-Z0-9_]*\+",
        otherwise="is no name of a Django setting (capital letters; NAME+ or +NAME to add to a list)",
        example={"ITEMS_A_PAGE": 20, "MIDDLEWARE+": ["shop.middleware.Timing"]},
    ),
    Key(
        "health_path",
        "str",
        "has to answer with 200 before a release becomes live (`/` may also redirect, ask for a login or have no page)",
        default="/",
        pattern=r"/.*",
        otherwise="has to begin with '/'",
        example="/healthz",
    ),
    Key(
        "check_paths",
        "dict",
        "pages that have to answer as expected before a release gets visitors, see below; `/` is always asked, and must not "
        "answer with 500 or above where nothing else is listed for it",
        default={},
        elements="dict",
        pattern=r"/\S*",
        otherwise="is no path, as in '/about/'",
        example={"/about/": {"text": "About us"}},
        options=CHECK,
    ),
    Key(
        "environment",
        "dict",
        "environment variables",
        default={},
        pattern=VARIABLE,
        otherwise="is no name for an environment variable",
        example={"STATIC_ROOT": "${static_root}"},
    ),
    Key(
        "secret_environment",
        "dict",
        "the same, for values that preflight examines",
        default={},
        pattern=VARIABLE,
        otherwise="is no name for an environment variable",
        example={"DATABASE_URL": "${database_url}"},
    ),
    Key("redis", "bool", "whether it uses Redis; `${redis_url}` says where", default=False),
    Key(
        "static_url",
        "str",
        "path of static files, which nginx serves from disk",
        default="/static/",
        pattern=URL_PATH,
        otherwise="has to begin and end with '/', as in '/static/'",
    ),
    Key(
        "media_url",
        "str",
        "path of uploads, which nginx serves from disk",
        default="/media/",
        pattern=URL_PATH,
        otherwise="has to begin and end with '/', as in '/static/'",
    ),
    Key(
        "media_storage",
        "str",
        "where uploads and private data lie: `local`, on the web host; `shared`, on a file system that all web hosts mount; `none`, where "
        "the project keeps uploads elsewhere; empty is `local`, with a warning where there are several web hosts. See below",
        default="",
        pattern=r"none|local|shared|",
        otherwise="is none of none, local and shared",
        example="shared",
    ),
    Key(
        "max_body_size",
        "str",
        "most that a request may carry",
        default="10m",
        pattern=r"\d+[kmg]?",
        otherwise="is no size, as in '10m'",
    ),
    Key(
        "locations",
        "dict",
        "paths that nginx passes on in another way than the rest: those below one that ends with '/', otherwise that one alone, "
        "see below",
        default={},
        elements="dict",
        pattern=LOCATION,
        otherwise="is no path, as in '/events/'",
        options=LOCATION_OPTIONS,
        example={"/events/": {"buffering": False}},
    ),
    Key(
        "login_paths",
        "list",
        "paths of logins and of forms that send mail: one address may POST to each 30 times a minute and 60 times at once, more get 429 "
        "(`nginx_login_rate`). `[]` is none",
        default=list(LOGIN_PATHS),
        elements="str",
        pattern=LOCATION,
        otherwise="is no list of paths, as in ['/login/']",
        example=["/members/enter/"],
    ),
    Key(
        "certificate_provider",
        "str",
        "where the certificate of its domains comes from, another than `nginx_tls_mode` says: `acme`, `project_ca` or `files` "
        "(docs/certificates.md)",
        default="",
        pattern=CERTIFICATE_PROVIDER,
        otherwise="is no provider; write acme, project_ca or files, or leave it out",
        example="acme",
    ),
    Key(
        "hsts",
        "str",
        "`Strict-Transport-Security` of every answer by HTTPS: pages, files, redirects and error pages alike. Empty leaves it to the "
        "application, whose word reaches its pages alone, and to `SECURE_HSTS_SECONDS` in `settings`",
        default="",
        pattern=HSTS,
        otherwise="is no such header, as in 'max-age=31536000; includeSubDomains'",
        example="max-age=31536000",
    ),
    Key(
        "maintenance",
        "bool",
        "whether visitors get a page with 503 in place of the application's answers, until it is taken out again. "
        "`playbooks/maintenance.yml` does the same at once, without a change here. See below",
        default=False,
    ),
    Key(
        "maintenance_allow",
        "list",
        "networks whose visitors reach the application during a maintenance",
        default=[],
        elements="str",
        example=["203.0.113.0/24"],
    ),
    Key(
        "maintenance_page",
        "str",
        "page of the project that is shown during a maintenance: one of its static files, by its path below `static_url`. Empty is a "
        "plain page of nginx's",
        default="",
        pattern=STATIC_PAGE,
        otherwise="is no page among the static files, as in 'shop/maintenance.html'",
        example="shop/maintenance.html",
    ),
    Key("timeout", "int", "seconds after which a request's worker is ended", default=60),
    Key("processes", "int", "workers; 0 is as many as suit the host", default=0),
    Key("threads", "int", "threads of each worker", default=1),
    Key(
        "build_commands",
        "list",
        "commands run once on the controller in a copy of the source; no shell. `python` and what packages install are the "
        "release's own versions",
        default=[],
        elements="str",
        build=True,
        example=["npm ci", "npm run build"],
    ),
    Key(
        "release_commands",
        "list",
        "`manage.py` commands run on each host in a new release",
        default=["collectstatic --noinput"],
        elements="str",
        build=True,
        example=["compilemessages", "collectstatic --noinput"],
    ),
    Key(
        "initial_commands",
        "list",
        "`manage.py` commands run once in the life of its database, after the migrations, see below",
        default=[],
        elements="str",
        example=["loaddata first"],
    ),
    Key(
        "post_migrate_commands",
        "list",
        "`manage.py` commands run once for each new release, after the migrations, see below",
        default=[],
        elements="str",
        example=["sync_roles"],
    ),
    Key(
        "scrub",
        "list",
        "what takes personal data out of a copy of its database before anybody can log in there: `manage.py` commands, and files of "
        "SQL (`*.sql`) below `project_directory`. See [moving in](database-import.md#staging-from-production)",
        default=[],
        elements="str",
        example=["forget_people", "scrub.sql"],
    ),
    Key(
        "debian_packages",
        "list",
        "Debian packages that the project needs on the web hosts",
        default=[],
        elements="str",
        example=["gettext"],
    ),
    Key(
        "services",
        "dict",
        "long-running processes beside the web workers, see below",
        default={},
        elements="dict",
        pattern=PROCESS_NAME,
        otherwise="is no name: use small letters, digits and '_'",
        options=SERVICE,
    ),
    Key(
        "timers",
        "dict",
        "commands at certain times, see below",
        default={},
        elements="dict",
        pattern=PROCESS_NAME,
        otherwise="is no name: use small letters, digits and '_'",
        options=TIMER,
    ),
    Key(
        "unit_settings",
        "dict",
        "settings for `[Service]` of its units (server, services, timers) on top of their sandbox, the last word is theirs; a list is "
        "several lines. For a project that needs more than the sandbox gives, such as a browser that prints",
        default={},
        pattern=r"[A-Z][A-Za-z0-9]*",
        otherwise="is no setting of systemd's [Service], as in 'ReadWritePaths'",
        example={"RestrictNamespaces": "user pid net", "SystemCallFilter": ["@system-service", "@sandbox"]},
    ),
    Key(
        "database",
        "dict",
        "its database and the two roles of it, see below",
        required=True,
        options=DATABASE,
    ),
    Key(
        "databases",
        "dict",
        "further databases on the same server, by their alias in the project's `DATABASES`, see below",
        default={},
        elements="dict",
        pattern=DATABASE_ALIAS,
        otherwise="is no alias for a further database: use small letters and '_', and none of 'default', 'replica' and 'owner'",
        options=DATABASE,
    ),
    Key(
        "pooling",
        "str",
        "how it reaches its database through the PgBouncer of its host: `transaction`, `session`, or `none`, straight to the server; empty "
        "is `database_pooling`, see [pooling](pooling.md)",
        default="",
        pattern=r"transaction|session|none|",
        otherwise="is none of transaction, session and none",
        example="session",
    ),
    Key(
        "unverified_databases",
        "list",
        "further aliases of the project's `DATABASES` that may be reached without verified TLS, as the servers of others",
        default=[],
        elements="str",
        pattern=r"(?!default$).+",
        otherwise="names aliases of DATABASES beside 'default', which is always verified, as in [legacy]",
        example=["legacy"],
    ),
    Key("mail", "dict", "outgoing mail, see below; `{}` is none", default={}, options=MAIL),
    Key(
        "open_questions",
        "list",
        "what `make new-app` could not tell and only you can answer; every run refuses the entry until they are answered and removed",
        default=[],
        elements="str",
    ),
    Key(
        "superuser",
        "dict",
        "the administrator, see below; `{}` makes none",
        default={},
        options=SUPERUSER,
    ),
)

# Of an entry, what a build needs beside its name. `requirements` goes along where the entry names them: `auto` is the
# builder's own default.
BUILD_KEYS = ("name", *(key.name for key in ENTRY if key.build and not key.word))
