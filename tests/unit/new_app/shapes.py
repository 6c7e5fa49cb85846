"""Small stand-ins for kinds of projects that teams have, as their files: what `make new-app` reads of each."""

from __future__ import annotations

from pathlib import Path

MANAGE = "import os\nimport django\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', '{}')\n"
COMMON = """
import os
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "").split(",")
INSTALLED_APPS = ["django.contrib.admin", "main"]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
STATIC_ROOT = os.environ.get("STATIC_ROOT", BASE_DIR / "static")
"""
VARIABLES = """
DATABASES = {"default": {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": os.environ.get("DB_NAME", "app"),
    "USER": os.environ.get("DB_USER", "app"),
    "PASSWORD": os.environ.get("DB_PASSWORD", ""),
    "HOST": os.environ.get("DB_HOST", ""),
    "PORT": os.environ.get("DB_PORT", ""),
}}
"""
COMMAND = "from django.core.management.base import BaseCommand\nclass Command(BaseCommand):\n    def handle(self, **o):\n        {}\n"
COMMANDS = "main/management/commands"
BY_HAND = ("archive", "backup_list", "check_links", "dedupe", "export", "fix_names", "geocode", "import_csv")


def project(settings: str = COMMON + VARIABLES, module: str = "config.settings", **more: str) -> dict[str, str]:
    """A project with these settings, and further files by their path."""
    return {
        "manage.py": MANAGE.format(module),
        f"{module.replace('.', '/')}.py": settings,
        "config/wsgi.py": "application = None\n",
        "requirements.txt": "Django~=5.2\npsycopg[binary]~=3.2\n",
        **more,
    }


def placed(directory: Path, files: dict[str, str]) -> Path:
    """Write the files of a project; returns their directory."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


DB_VARIABLES = project()
OWN_CREATESUPERUSER = project(**{f"{COMMANDS}/createsuperuser.py": COMMAND.format("pass")})
NEEDS_DATA = project(**{"main/fixtures/first.json": "[]", "main/tests/fixtures/sample.json": "[]"})
EDITABLE = project(**{"requirements.txt": "Django~=5.2\npsycopg[binary]~=3.2\n-e ./lib\n", "lib/pyproject.toml": ""})
REQUIRES_PYTHON = project(
    **{
        "requirements/prod.txt": "Django~=5.2\npsycopg[binary]~=3.2\n",
        "pyproject.toml": "[project]\nname = 'x'\nversion = '0'\nrequires-python = '==3.12.*'\n",
    }
)
del REQUIRES_PYTHON["requirements.txt"]
PRIVATE_FILES = project(
    COMMON
    + VARIABLES
    + 'MEDIA_ROOT = os.environ.get("MEDIA_ROOT", BASE_DIR / "media")\n'
    + 'PRIVATE_ROOT = os.environ.get("PRIVATE_ROOT", BASE_DIR / "private")\n'
)
SQLITE_FALLBACK = project(
    COMMON
    + """
_sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "data" / "db.sqlite3"}
_postgres = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": os.environ.get("APP_DB_DATABASE", "app"),
    "USER": os.environ.get("APP_DB_USER", "app"),
    "PASSWORD": os.environ.get("APP_DB_PASSWORD", ""),
    "HOST": os.environ.get("APP_DB_HOST", "localhost"),
}
_default = _postgres if os.environ.get("APP_DB_ENGINE", "sqlite") == "postgres" else _sqlite
DATABASES = {"default": _default}
"""
)
MANY_COMMANDS = project(
    **{f"{COMMANDS}/{name}.py": COMMAND.format("pass") for name in BY_HAND},
    **{f"{COMMANDS}/workqueue.py": COMMAND.format("while True: self.work()")},
    **{"docker/supervisord.conf": "[program:workqueue]\ncommand=python manage.py workqueue\n"},
)
SETTINGS_OF_A_HOST = project(
    "from .common import *\n"
    "ALLOWED_HOSTS = ['www.example.org']\nSECURE_HSTS_SECONDS = 30 * 24 * 3600\nSESSION_COOKIE_SECURE = True\n",
    "config.settings.prod",
    **{
        "manage.py": MANAGE.format("config.settings.dev"),
        "config/settings/common.py": COMMON.replace(
            'SECRET_KEY = os.environ["SECRET_KEY"]',
            "import json\n"
            'SECRETS = json.loads(Path(os.environ["SECRETS_FILE"]).read_text()) if "SECRETS_FILE" in os.environ else {}\n'
            'SECRET_KEY = SECRETS.get("secret_key", "")',
        )
        + """
DATABASES = {"default": {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": SECRETS.get("db_name", "app"),
    "USER": os.environ.get("DB_USER", "app"),
    "PASSWORD": SECRETS.get("db_password", ""),
    "HOST": SECRETS.get("db_host", ""),
    "PORT": os.environ.get("DB_PORT", ""),
}}
""",
        "config/settings/dev.py": "from .common import *\nDEBUG = True\n",
    },
)

# --- Shapes of three public projects ---

# A monitor: readers of its own, the engine chosen by one word, its daemons attached to uWSGI.
MONITOR = project(
    """
import os
from pathlib import Path
from django.core.exceptions import ImproperlyConfigured
BASE_DIR = Path(__file__).resolve().parent.parent

def envflag(name, default):
    value = os.getenv(name, default)
    if value not in ("True", "False"):
        raise ImproperlyConfigured(name)
    return value == "True"

def envhidden(name, default=None):
    if path := os.getenv(name + "_FILE"):
        file = Path(path)
        if not file.is_file():
            raise ImproperlyConfigured(name)
        return file.read_text()
    return os.getenv(name, default)

SECRET_KEY = envhidden("SECRET_KEY", "---")
CHAT_TOKEN = envhidden("CHAT_TOKEN")
DEBUG = envflag("DEBUG", "True")
ALLOWED_HOSTS = os.getenv("ALLOWED_HOSTS", "*").split(",")
INSTALLED_APPS = ["main"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.getenv("DB_NAME", BASE_DIR / "hc.sqlite")}}
if os.getenv("DB") == "postgres":
    DATABASES = {"default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.getenv("DB_HOST", ""), "PORT": os.getenv("DB_PORT", ""), "NAME": os.getenv("DB_NAME", "hc"),
        "USER": os.getenv("DB_USER", "postgres"), "PASSWORD": envhidden("DB_PASSWORD", ""),
        "OPTIONS": {"sslmode": os.getenv("DB_SSLMODE", "prefer")},
    }}
if os.getenv("DB") == "mysql":
    DATABASES = {"default": {"ENGINE": "django.db.backends.mysql", "HOST": os.getenv("DB_HOST", "")}}
SITE_ROOT = os.getenv("SITE_ROOT", "http://localhost:8000")
EMAIL_HOST = os.getenv("EMAIL_HOST", "")
""",
    **{
        "docker/uwsgi.ini": "[uwsgi]\nattach-daemon = ./manage.py sendalerts --skip-checks\n"
        "attach-daemon2 = cmd=python3 ./manage.py sendreports --loop,touch=/x\n",
        f"{COMMANDS}/sendalerts.py": COMMAND.format("while True: self.send()"),
        f"{COMMANDS}/prunetokens.py": COMMAND.format('"""Run this daily by cron."""'),
    },
)
# A collection of bookmarks: a prefix of its own, a settings package, supervisord, an extra for PostgreSQL, a script before it serves.
BOOKMARKS = project(
    """
from .base import *
HOST_NAME = os.environ.get("HOST_NAME")
ALLOWED_HOSTS = ["localhost", HOST_NAME] if HOST_NAME else ["*"]
""",
    "bookmarks.settings.prod",
    **{
        "manage.py": MANAGE.format("bookmarks.settings"),
        "bookmarks/settings/__init__.py": "",
        "bookmarks/settings/base.py": """
import os
BASE_DIR = os.path.dirname(__file__)
SECRET_KEY = "insecure"
INSTALLED_APPS = ["huey.contrib.djhuey"]
WSGI_APPLICATION = "config.wsgi.application"
LD_DB_ENGINE = os.getenv("LD_DB_ENGINE", "sqlite")
LD_DB_HOST = os.getenv("LD_DB_HOST", "localhost")
LD_DB_DATABASE = os.getenv("LD_DB_DATABASE", "linkding")
LD_DB_USER = os.getenv("LD_DB_USER", "linkding")
LD_DB_PASSWORD = os.getenv("LD_DB_PASSWORD", None)
if LD_DB_ENGINE == "postgres":
    default_database = {
        "ENGINE": "django.db.backends.postgresql", "NAME": LD_DB_DATABASE, "USER": LD_DB_USER, "PASSWORD": LD_DB_PASSWORD,
        "HOST": LD_DB_HOST,
    }
else:
    default_database = {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(BASE_DIR, "data", "db.sqlite3")}
DATABASES = {"default": default_database}
""",
        "pyproject.toml": "[project]\nname = 'b'\nversion = '1'\nrequires-python = '>=3.13'\ndependencies = ['django', 'huey']\n"
        "[project.optional-dependencies]\npostgres = ['psycopg[c]']\n",
        "supervisord.conf": "[supervisord]\n[program:jobs]\ncommand=python manage.py run_huey -f\n[program:web]\ncommand=uwsgi x.ini\n",
        "docker/Dockerfile": 'FROM python\nCMD ["./bootstrap.sh"]\n',
        "bootstrap.sh": "#!/bin/sh\npython manage.py migrate\npython manage.py enable_wal\nexec uwsgi uwsgi.ini\n",
        f"{COMMANDS}/enable_wal.py": COMMAND.format("pass"),
    },
)
del BOOKMARKS["requirements.txt"]
# A diary: no settings module in manage.py, several ways to a database, a front end, a documentation with one of its own.
DIARY = project(
    """
import os
import dj_database_url
SECRET_KEY = os.environ.get("SECRET_KEY")
if not SECRET_KEY:
    raise RuntimeError("SECRET_KEY")
MAP_KEY = os.environ.get("MAP_KEY")
assert MAP_KEY
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "*").split(",")
INSTALLED_APPS = ["main"]
if os.getenv("DATABASE_URL"):
    DATABASES = {"default": dj_database_url.config(conn_max_age=500)}
else:
    DATABASES = {"default": {"ENGINE": os.getenv("DB_ENGINE", "django.db.backends.sqlite3"), "NAME": os.getenv("DB_NAME", "x")}}
MB = 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 50 * MB
""",
    "diary.settings.base",
    **{
        "manage.py": "import django\n",
        "diary/settings/__init__.py": "",
        "package.json": '{"scripts": {"build": "gulp"}}',
        "package-lock.json": "{}",
        "docs/package.json": '{"scripts": {"build": "vuepress build"}}',
        "Makefile": "test:\n\tpython manage.py test\nworker:\n\tpython manage.py fetch_feeds\n",
        "compose.yml": "services:\n  web: {command: gunicorn x}\n  mailer: {command: sh -c 'python manage.py send_queue --loop'}\n"
        "  db: {image: postgres, command: postgres -c fsync=off}\n",
        f"{COMMANDS}/fetch_feeds.py": COMMAND.format("pass"),
        f"{COMMANDS}/send_queue.py": COMMAND.format("pass"),
        f"{COMMANDS}/poll.py": COMMAND.format("while True: pass"),
        f"{COMMANDS}/poll_once.py": COMMAND.format("while True: break"),
    },
)
