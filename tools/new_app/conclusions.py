"""What a project needs from its entry of `applications`, and why: conclusions from its files."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

from tools.new_app.project import Draft, Project, find
from tools.new_app.settings import Settings, Value, Variable, find_module, variables_in

# Python of the supported hosts.
PYTHONS = {"Debian 12": "3.11", "Debian 13": "3.13"}
SECRET = re.compile(r"KEY|TOKEN|PASSWORD|PASSWD|SECRET|DSN|CREDENTIAL")
HEALTH = re.compile(
    r"""path\(\s*r?["']\^?((?:[\w-]+/)?(?:readyz|healthz|livez|health|healthcheck|health-check|health_check|ready|up|ping|status)/?)\$?["']"""
)
INCLUDED = re.compile(r"""path\(\s*r?["']([\w^/-]*)["'],\s*include\(\s*["']([\w.]+)["']""")
CODE = (".js", ".mjs", ".py", ".ts")
# Debian packages that some Python packages need beside their wheels.
DEBIAN = {
    "python-magic": ["libmagic1"],
    "weasyprint": ["libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"],
    "python-ldap": ["libldap2"],
    "pyzbar": ["libzbar0"],
    "pdf2image": ["poppler-utils"],
    "pytesseract": ["tesseract-ocr"],
    "cairosvg": ["libcairo2"],
    "pycairo": ["libcairo2"],
    "pydub": ["ffmpeg"],
    "ffmpeg-python": ["ffmpeg"],
}
EXTENSIONS = {
    "TrigramExtension": "pg_trgm", "CITextExtension": "citext", "HStoreExtension": "hstore", "UnaccentExtension": "unaccent",
    "BtreeGinExtension": "btree_gin", "BtreeGistExtension": "btree_gist", "CryptoExtension": "pgcrypto",
    "BloomExtension": "bloom", "VectorExtension": "vector",
}  # fmt: skip
LITERAL_ENVIRONMENT = {"HOST": "${database_host}", "PORT": "${database_port}", "NAME": "${database_name}",
                       "USER": "${database_user}", "PASSWORD": "${database_password}"}  # fmt: skip


def examine(root: Path, name: str, source: str, domain: str, version: str = "", deploy_key: str = "") -> Draft:
    """Look at the project at ``root`` and draw up its entry.

    Args:
        root: the project's directory.
        name: of the entry.
        source: as the entry shall name it.
        domain: under which it is visited.
        version: of a git source.
        deploy_key: for a private git source.

    Raises:
        NewAppError: it is no Django project, or not one that can be read.
    """
    draft = Draft(name, domain)
    project = find(root, draft)
    draft.entry = {"domains": [domain], "source": source}
    if version:
        draft.entry["version"] = version
    if deploy_key:
        draft.entry["deploy_key"] = deploy_key
    if project.directory != Path():
        draft.entry["project_directory"] = str(project.directory)
        draft.found.append(f"manage.py is in {project.directory}/.")
    if project.python_path:
        draft.entry["python_path"] = project.python_path
        draft.found.append(f"The packages lie below {', '.join(project.python_path)}/, which goes on the PYTHONPATH.")
    for conclude in (
        _requirements, _modules, _health, _environment, _managed, _urls, _builds, _celery, _procfile, _packages, _extensions,
        _finish,
    ):  # fmt: skip
        conclude(project, draft)
    return draft


def _requirements(project: Project, draft: Draft) -> None:
    needs = project.requirements
    if needs.files:
        draft.entry["requirements"] = needs.files
    elif needs.files == []:
        draft.entry["requirements"] = []
    if needs.shown:
        draft.found.append(
            f"Requirements: {needs.shown}, {sum('[' not in one for one in needs.packages)} packages by name."
        )
    if needs.extras:
        draft.entry["extras"] = needs.extras
        draft.found.append(f"Extras: {', '.join(needs.extras)}; the name says that they are for a server.")
    draft.open += needs.problems
    if needs.packages and not needs.has("django"):
        draft.open.append(
            "Django is not named among the requirements: if nothing else brings it, add it to 'packages'."
        )
    if needs.has("uwsgi"):
        draft.found.append(
            "It requires uwsgi, which is published as source alone: the release gets the same from the package pyuwsgi."
        )
    if needs.has("gunicorn", "daphne", "uvicorn", "hypercorn"):
        draft.found.append(
            "It requires another server for its pages (gunicorn or the like), which uWSGI takes the place of: nothing to do."
        )
    _python_version(needs.requires_python, draft)


def _python_version(stated: str, draft: Draft) -> None:
    if not stated:
        draft.open.append(
            f"No Python version is stated. The hosts have {' and '.join(f'{python} ({suite})' for suite, python in PYTHONS.items())}: "
            "make sure that the project runs with theirs."
        )
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415 - a part of the controller's .venv

    try:
        allowed = SpecifierSet(stated)
    except InvalidSpecifier:
        draft.open.append(f"The stated Python version '{stated}' cannot be read.")
        return
    # A patch release in the middle: ">=3.11.2" means the series 3.11.
    fit = [f"{suite} ({python})" for suite, python in PYTHONS.items() if allowed.contains(f"{python}.9")]
    if not fit:
        draft.open.append(
            f"It asks for Python {stated}, which no supported Debian has: a deploy will refuse it. Loosen requires-python."
        )
    elif len(fit) < len(PYTHONS):
        draft.open.append(f"It asks for Python {stated}: the hosts have to be {fit[0]}.")
    else:
        draft.found.append(f"Python {stated} suits {' and '.join(fit)}.")


def _modules(project: Project, draft: Draft) -> None:
    draft.entry["settings_module"] = project.settings_module
    stated = project.settings.literal("WSGI_APPLICATION")
    module = str(stated).rpartition(".")[0] if stated else ""
    if module and not find_module(module, project.roots):
        draft.open.append(f"WSGI_APPLICATION names {stated}, and there is no such module.")
        module = ""
    if not module:
        candidates = [
            ".".join((project.root / path).relative_to(one).with_suffix("").parts)
            for path in project.files
            if path.name == "wsgi.py"
            for one in project.roots
            if (project.root / path).is_relative_to(one)
        ]
        module = min(candidates, key=len, default="")
    if not module:
        module = f"{project.settings_module.partition('.')[0]}.wsgi"
        draft.open.append(
            f"There is no wsgi.py: write {module.replace('.', '/')}.py with 'application = get_wsgi_application()', as "
            "Django's template does."
        )
    draft.entry["wsgi_module"] = module
    if project.settings.get("ASGI_APPLICATION") and project.requirements.has("channels", "daphne"):
        draft.open.append(
            "It uses ASGI (channels): pages are served by WSGI here, websockets are not. A service with 'daphne' or 'uvicorn' would "
            "need a place of its own in nginx."
        )


def _health(project: Project, draft: Draft) -> None:
    path = _health_path(project, str(project.settings.literal("ROOT_URLCONF") or ""), depth=2)
    if path:
        draft.entry["health_path"] = path
        draft.found.append(
            f"{path} looks like the address for health checks: a release is live once it answers 200 there."
        )
    else:
        draft.found.append(
            "No address for health checks was found: a release is live once / answers (200, or a redirect)."
        )


def _health_path(project: Project, module: str, depth: int) -> str:
    """The address for health checks among the URLs of a module and of those that it includes."""
    file = find_module(module, project.roots)
    if file is None:
        return ""
    text = file.read_text(encoding="utf-8", errors="replace")
    # "Ready" asks more than "healthy", which asks more than "up".
    found = sorted(HEALTH.findall(text), key=lambda path: ("ready" not in path, "health" not in path))
    if found:
        return f"/{found[0]}"
    for prefix, other in INCLUDED.findall(text) if depth else ():
        path = _health_path(project, other, depth - 1)
        if path:
            return f"/{prefix.strip('^/')}{path}" if prefix.strip("^/") else path
    return ""


def _domains(value: Value, draft: Draft, prefix: str = "") -> str:
    """A value of a variable that the settings take apart into domains."""
    split = re.search(r"\.split\((?:['\"](.*?)['\"])?", value.text)
    separator = "," if split is None or (split[1] is None and "split()" not in value.text) else (split[1] or " ")
    return separator.join(prefix + one for one in [draft.domain])


def _environment(project: Project, draft: Draft) -> None:
    """Variables that the settings read, with the values that the product knows."""
    plain: dict[str, str] = {}
    secret: dict[str, str] = {}
    settings = project.settings
    taken: set[str] = set()
    needed: list[str] = []
    possible: list[str] = []

    def give(variable: Variable, value: str, secretly: bool = False) -> None:
        if variable.name not in taken:
            taken.add(variable.name)
            (secret if secretly else plain)[variable.name] = value

    def first(setting: str) -> tuple[Value, Variable] | None:
        value = settings.get(setting)
        return (value, value.variables[0]) if value and value.variables else None

    own = f"secrets.applications.{draft.name}"
    if found := first("SECRET_KEY"):
        give(found[1], f"{{{{ {own}.secret_key }}}}", secretly=True)
    if found := first("ALLOWED_HOSTS"):
        give(found[1], _domains(found[0], draft))
    for setting in ("CSRF_TRUSTED_ORIGINS", "CORS_ALLOWED_ORIGINS"):
        if found := first(setting):
            give(found[1], _domains(found[0], draft, "https://"))
    for setting, value in (("STATIC_ROOT", "${static_root}"), ("MEDIA_ROOT", "${media_root}")):
        if found := first(setting):
            give(found[1], value)
    _database_environment(settings, give, draft)
    if found := first("DEBUG"):
        _debug(found[0], found[1], give, draft)
    for name, variable in settings.variables.items():
        if ("REDIS" in name and name.endswith(("URL", "LOCATION", "URI"))) or (
            name in ("BROKER_URL", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "CACHE_URL")
        ):
            if variable.required or project.requirements.has("celery", "rq", "django-rq", "huey"):
                give(variable, "${redis_url}", secretly=True)
                draft.entry["redis"] = True
            else:
                possible.append(name)
    if possible:
        draft.open.append(
            f"It can use Redis: for that set redis: true, and {' or '.join(possible)} to ${{redis_url}} in secret_environment."
        )
    for name, variable in settings.variables.items():
        if name in taken or name == "DJANGO_SETTINGS_MODULE" or not variable.required:
            continue
        if SECRET.search(name):
            give(variable, f"{{{{ {own}.{name.lower()} }}}}", secretly=True)
            if name.lower() not in ("secret_key", "api_token", "admin_password"):
                draft.open.append(
                    f"{name} is a secret of the project's own: write it to {own}.{name.lower()} (docs/secrets.md), or add "
                    f"'{name.lower()}' to secrets_names when any random value will do."
                )
        else:
            give(variable, "")
            needed.append(name)
    if needed:
        values = "their values" if needed[1:] else "its value"
        draft.open.append(f"The settings do not start without {', '.join(needed)}: write {values} into environment.")
    for name in ("RELEASE", "SENTRY_RELEASE", "APP_RELEASE"):
        if name in settings.variables:
            give(settings.variables[name], "${release}")
    optional = sorted(set(settings.variables) - taken - {"DJANGO_SETTINGS_MODULE"})
    if optional:
        draft.found.append(
            f"The settings read further variables, which have defaults or can be left out: {', '.join(optional)}."
        )
    if plain:
        draft.entry["environment"] = plain
    if secret:
        draft.entry["secret_environment"] = secret


def _database_environment(settings: Settings, give: Any, draft: Draft) -> None:
    value = settings.get("DATABASES")
    if not value or not value.variables:
        return
    variables = value.variables
    if isinstance(value.node, ast.Dict):
        names = [key.value if isinstance(key, ast.Constant) else "" for key in value.node.keys]
        if "default" in names:
            variables = variables_in(value.node.values[names.index("default")]) or variables
        if len(names) > 1:
            several = ", ".join(str(one) for one in names if one)
            draft.open.append(
                f"It has several databases ({several}): this repository brings the one that is 'default'."
            )
    # As in `if os.getenv("DB") == "postgres":`.
    chosen = re.search(r"== ['\"]([\w.]+)['\"]$", value.condition_text)
    if chosen and value.condition:
        for variable in variables_in(value.condition):
            give(variable, chosen[1])
    for variable in variables:
        if variable.name.endswith(("DATABASE_URL", "DB_URL", "POSTGRES_URL")) or variable.name == "DATABASE":
            give(variable, "${database_url}", secretly=True)
            return
    # One variable for each part: PGHOST, DB_NAME, POSTGRES_PASSWORD, RDS_HOSTNAME.
    for variable in variables:
        name = variable.name
        for part, placeholder in LITERAL_ENVIRONMENT.items():
            if re.search(rf"{part}(NAME)?$", name) and not (part == "NAME" and name.endswith(("HOSTNAME", "USERNAME"))):
                give(variable, placeholder, secretly=part == "PASSWORD")
                break
        else:
            if name.endswith(("_DB", "DATABASE")):
                give(variable, "${database_name}")
            elif name.endswith("ENGINE"):
                give(variable, "django.db.backends.postgresql")


def _debug(value: Value, variable: Variable, give: Any, draft: Draft) -> None:
    if value.bare:
        draft.open.append(
            f"DEBUG is the text of {variable.name} as it is, so every text but an empty one turns it on. It is left out here; "
            "'security' in managed_settings keeps DEBUG off in any case."
        )
        draft.managed["security"] = f"DEBUG depends on {variable.name} in a way that is easily got wrong"
    elif not (variable.default in (False, None, "", 0, "0", "False", "false", "no") and not variable.required):
        equal = re.search(r"== ?['\"](\w+)['\"]", value.text)
        give(variable, "0" if equal and equal[1] == "1" else "no" if equal and equal[1] == "yes" else "False")


def _managed(project: Project, draft: Draft) -> None:
    """Settings that the product sets in place of the project's, because nothing in the environment reaches them."""
    settings, managed = project.settings, draft.managed
    databases = settings.get("DATABASES")
    if databases is None or not databases.variables:
        managed["database"] = _fixed_database(databases, draft)
    elif any("sqlite" in text for text in databases.strings()) and not databases.conditional:
        draft.found.append("SQLite is the database's default; on a server the environment names PostgreSQL.")
    key = settings.get("SECRET_KEY")
    if key is None or not key.variables:
        managed["secret_key"] = (
            "the secret key is written in the settings, or made there" if key else "there is no SECRET_KEY"
        )
        draft.entry.setdefault("secret_environment", {})["SECRET_KEY"] = (
            f"{{{{ secrets.applications.{draft.name}.secret_key }}}}"
        )
    hosts = settings.get("ALLOWED_HOSTS")
    if hosts is None or not hosts.variables:
        managed["hosts"] = "ALLOWED_HOSTS is fixed" + (f" ({hosts.text})" if hosts and len(hosts.text) < 60 else "")
    debug = settings.get("DEBUG")
    if debug and debug.literal is True:
        managed["security"] = "DEBUG is True"
    elif not settings.get("SESSION_COOKIE_SECURE"):
        managed.setdefault("security", "SESSION_COOKIE_SECURE is not set, so cookies would travel without TLS, too")
    for kind, setting in (("static", "STATIC_ROOT"), ("media", "MEDIA_ROOT")):
        value = settings.get(setting)
        if kind == "media" and value is None and not _uploads(project):
            continue
        if value is None or not value.variables:
            place = (
                f"is at {value.text}" if value and len(value.text) < 60 else "is computed" if value else "is not set"
            )
            managed[kind] = f"{setting} {place}; nginx serves " + (
                "the release's own directory"
                if kind == "static"
                else f"/srv/{draft.name}/shared/media, which outlives releases"
            )
    if not settings.get("LOGGING"):
        managed["logging"] = "LOGGING is not set, so errors would be mailed to ADMINS and reach no log"
    order = ["database", "secret_key", "hosts", "security", "static", "media", "logging"]
    if managed:
        draft.managed = {name: managed[name] for name in order if name in managed}
        draft.entry["managed_settings"] = list(draft.managed)


def _fixed_database(value: Value | None, draft: Draft) -> str:
    if value is None:
        return "DATABASES is not set"
    engine = next((text for text in value.strings() if "." in text and "db" in text.lower()), "")
    if "sqlite" in engine:
        draft.open.append(
            "It runs on SQLite so far, and on PostgreSQL here: data is not carried over (manage.py dumpdata, loaddata)."
        )
        return "DATABASES is an SQLite file"
    if "mysql" in engine or "oracle" in engine:
        draft.open.append(
            f"It is written for {engine.rpartition('.')[2]}, and gets PostgreSQL here: look for SQL of its own, and carry the data over."
        )
        return f"DATABASES is fixed ({engine})"
    if "postgis" in engine:
        draft.open.append(
            "It uses PostGIS: managed_settings would choose the plain engine. Read DATABASE_URL in the settings instead."
        )
    return "DATABASES is fixed" + (f" ({engine})" if engine else "")


def _uploads(project: Project) -> bool:
    return any(
        re.search(r"\b(FileField|ImageField)\(", project.text(path))
        for path in project.python_files()
        if "models" in str(path)
    )


def _urls(project: Project, draft: Draft) -> None:
    for kind in ("static", "media"):
        value = project.settings.get(f"{kind.upper()}_URL")
        url = value.literal if value else None
        if value and not isinstance(url, str):
            own = value.variables[0].default if isinstance(value.node, ast.Call) and value.variables else None
            url = own if isinstance(own, str) else None
            if url is None:
                draft.open.append(
                    f"{kind.upper()}_URL is computed ({value.text}): set {kind}_url to what it is on a server."
                )
        if not url:
            continue
        if re.match(r"(https?:)?//", url):
            draft.open.append(
                f"{kind.upper()}_URL is {url}, another server: nginx serves nothing there, and needs no {kind}_url."
            )
            continue
        path = f"/{url.strip('/')}/"
        if path not in (f"/{kind}/", "//"):
            draft.entry[f"{kind}_url"] = path
            draft.found.append(f"{kind.capitalize()} files are at {path}.")


def _builds(project: Project, draft: Draft) -> None:
    for path in [one for one in project.files if one.name == "package.json"][:3]:
        _npm(project, path, draft)
    commands: list[str] = []
    catalogues = [path for path in project.files if path.suffix == ".po" and "LC_MESSAGES" in path.parts]
    compiled = {path for path in project.files if path.suffix == ".mo"}
    if any(path.with_suffix(".mo") not in compiled or _ignored(project, "*.mo") for path in catalogues):
        commands.append("compilemessages")
        draft.entry.setdefault("debian_packages", []).append("gettext")
        languages = sorted({path.parts[path.parts.index("LC_MESSAGES") - 1] for path in catalogues})
        draft.found.append(
            f"Translations ({', '.join(languages)}) are compiled on the host, which gets gettext for it."
        )
    commands.append("collectstatic --noinput")
    apps = project.settings.get("INSTALLED_APPS")
    if apps and "compressor" in apps.strings():
        commands.append("compress --force")
        draft.found.append("django-compressor is installed: compress runs after collectstatic.")
    if commands != ["collectstatic --noinput"]:
        draft.entry["release_commands"] = commands


def _ignored(project: Project, pattern: str) -> bool:
    path = project.root / ".gitignore"
    return path.is_file() and pattern in path.read_text(encoding="utf-8", errors="replace").split()


def _npm(project: Project, path: Path, draft: Draft) -> None:
    try:
        scripts = json.loads(project.text(path)).get("scripts") or {}
    except (json.JSONDecodeError, AttributeError):
        draft.open.append(f"{path} cannot be read as JSON.")
        return
    script = next((one for one in ("build", "production", "prod") if one in scripts), "")
    if not script:
        draft.open.append(f"{path} has no script 'build': if something has to be built, write it into build_commands.")
        return
    folder = path.parent
    if (project.root / folder / "pnpm-lock.yaml").is_file():
        where = "" if folder == Path() else f" --dir {folder}"
        commands = [f"pnpm{where} install --frozen-lockfile", f"pnpm{where} run {script}"]
    elif (project.root / folder / "yarn.lock").is_file():
        where = "" if folder == Path() else f" --cwd {folder}"
        commands = [f"yarn{where} install --frozen-lockfile", f"yarn{where} run {script}"]
    else:
        where = "" if folder == Path() else f" --prefix {folder}"
        locked = (project.root / folder / "package-lock.json").is_file()
        commands = [f"npm{where} ci" if locked else f"npm{where} install --no-package-lock", f"npm{where} run {script}"]
        if not locked:
            draft.open.append(
                f"{folder / 'package-lock.json'} is missing: two builds of one version may differ. Commit one."
            )
    draft.entry.setdefault("build_commands", []).extend(commands)
    draft.found.append(
        f"{path} has a script '{script}': it runs on the controller, which needs Node.js and {commands[0].split()[0]}."
    )


def _celery(project: Project, draft: Draft) -> None:
    needs, settings = project.requirements, project.settings
    apps = settings.get("INSTALLED_APPS")
    installed = apps.strings() if apps else []
    modules = [path for path in project.python_files() if re.search(r"=\s*(celery\.)?Celery\(", project.text(path))]
    if modules and needs.has("celery"):
        target = _celery_target(project, modules[0])
        services = draft.entry.setdefault("services", {})
        services["worker"] = {"command": f"celery -A {target} worker --loglevel INFO", "stop_timeout": 120}
        draft.found.append(
            f"Celery's application is in {modules[0]}: a worker on each web host, which ends its tasks before it stops."
        )
        text = "".join(project.text(path) for path in modules) + " ".join(settings.values)
        scheduler = "django_celery_beat" in installed or needs.has("django-celery-beat")
        if scheduler or re.search(r"beat_schedule|BEAT_SCHEDULE|add_periodic_task", text):
            extra = (
                "--scheduler django_celery_beat.schedulers:DatabaseScheduler"
                if scheduler
                else "--schedule /tmp/celerybeat-schedule"
            )
            services["beat"] = {"command": f"celery -A {target} beat --loglevel INFO {extra}", "singleton": True}
            draft.found.append("It has a schedule: one beat on the first web host.")
    literals = [
        text
        for value in settings.values.values()
        for text in value.strings()
        if text.startswith(("redis://", "rediss://"))
    ]
    if literals and not draft.entry.get("redis"):
        draft.entry["redis"] = True
        if needs.has("celery"):
            for name in ("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"):
                draft.entry.setdefault("secret_environment", {})[name] = "${redis_url}"
            draft.found.append(
                "The address of Redis is written in the settings; Celery prefers CELERY_BROKER_URL and CELERY_RESULT_BACKEND."
            )
        caches = settings.get("CACHES")
        if caches and any(text.startswith("redis") for text in caches.strings()):
            draft.entry.setdefault("managed_settings", []).append("cache")
            draft.managed["cache"] = "the address of Redis is written in CACHES"
    if draft.entry.get("redis"):
        draft.open.append(
            "It wants Redis: put one host into the group redis of the inventory, the web host for example (docs/redis.md)."
        )
    elif not any(one.startswith("It can use Redis") for one in draft.open) and needs.has(
        "redis", "django-redis", "channels-redis", "rq", "django-rq", "celery[redis]"
    ):
        draft.open.append(
            "It requires a client of Redis, and no address was found in the settings: if it needs one, set redis: true and ${redis_url}."
        )
    if modules and needs.has("celery") and not draft.entry.get("redis"):
        draft.open.append(
            "Celery's broker could not be told: this repository brings Redis (redis: true, ${redis_url}); another one has to be there."
        )


def _celery_target(project: Project, path: Path) -> str:
    full = project.root / path
    tops = [one for one in project.roots if full.is_relative_to(one)]
    top = max(tops, key=lambda one: len(one.parts), default=project.root)
    parts = list(full.relative_to(top).with_suffix("").parts)
    # `-A shop` finds shop/celery.py by itself.
    return ".".join(parts[:-1] if parts[-1] in ("celery", "__init__") and len(parts) > 1 else parts)


def _procfile(project: Project, draft: Draft) -> None:
    if Path("Procfile") not in project.files:
        return
    services = draft.entry.get("services", {})
    taken = " ".join(one["command"] for one in services.values())
    for line in project.text(Path("Procfile")).splitlines():
        kind, _, command = line.partition(":")
        words = command.strip()
        if kind.strip() in ("", "web") or not words or line.lstrip().startswith("#"):
            continue
        if kind.strip() == "release":
            draft.found.append(
                f"Procfile's release phase ({words}): migrations run by themselves; other commands go into release_commands."
            )
            continue
        if ("worker" in words and " worker" in taken) or ("beat" in words and " beat" in taken):
            continue
        command = re.sub(r"^(exec )?(python3? )?(\./)?(\S*/)?manage\.py", "manage.py", words)
        name = re.sub(r"[^a-z0-9]+", "_", kind.strip().lower()).strip("_")
        if command.startswith(("manage.py", "celery")) and name:
            draft.entry.setdefault("services", {})[name] = {"command": command}
            draft.found.append(f"Procfile's {kind.strip()} is a service.")
        else:
            draft.open.append(
                f"Procfile's {kind.strip()} ({words}) was not taken over: its command is neither manage.py nor celery."
            )


def _packages(project: Project, draft: Draft) -> None:
    needs = project.requirements
    packages: list[str] = []
    if not needs.has("psycopg", "psycopg2", "psycopg2-binary") and not needs.has("psycopg[binary]"):
        old = re.search(r"==\s*([123]\.|4\.[01])", needs.packages.get("django", ""))
        packages.append("psycopg2-binary" if old else "psycopg[binary]>=3.1")
        draft.found.append(f"Its requirements name no driver for PostgreSQL: {packages[0]} is added.")
    if packages:
        draft.entry["packages"] = packages
    debian = draft.entry.get("debian_packages", [])
    for name, own in DEBIAN.items():
        if needs.has(name):
            debian += [one for one in own if one not in debian]
            draft.found.append(f"{name} needs {', '.join(own)} from Debian.")
    if needs.has("psycopg") and not needs.has("psycopg[binary]", "psycopg[c]", "psycopg-binary"):
        debian.append("libpq5")
        draft.found.append("psycopg without [binary] needs libpq5 from Debian.")
    apps = project.settings.get("INSTALLED_APPS")
    if apps and "django.contrib.gis" in apps.strings():
        debian += ["gdal-bin", "libgeos-c1v5"]
        draft.found.append("django.contrib.gis needs GDAL and GEOS from Debian.")
    if debian:
        draft.entry["debian_packages"] = debian
    for name in ("psycopg2", "mysqlclient", "python-ldap", "psycopg[c]"):
        if needs.has(name):
            better = " psycopg2-binary has wheels." if name == "psycopg2" else ""
            draft.open.append(
                f"{name} is published as source with an extension in C: the build stops unless it was compiled for "
                f"the hosts' Python.{better}"
            )
    commands = sorted(
        path.stem
        for path in project.python_files()
        if path.parent.name == "commands" and path.parent.parent.name == "management"
    )
    commands = [one for one in commands if one != "__init__"]
    if project.settings.get("CRONJOBS"):
        draft.open.append("CRONJOBS (django-crontab) is set: write its lines as timers.")
    elif commands:
        draft.open.append(
            f"It has commands of its own ({', '.join(commands[:8])}): if one of them runs by the clock, add it to timers with its "
            "schedule; "
            "which ones do cannot be told from the files."
        )


def _extensions(project: Project, draft: Draft) -> None:
    found: set[str] = set()
    for path in project.files:
        if path.suffix == ".py" and "migrations" in path.parts:
            text = project.text(path)
            found |= {extension for operation, extension in EXTENSIONS.items() if f"{operation}(" in text}
            found |= set(re.findall(r"CreateExtension\(\s*(?:name\s*=\s*)?[\"']([\w-]+)", text))
            found |= set(re.findall(r"CREATE EXTENSION (?:IF NOT EXISTS )?\"?(\w+)", text, re.IGNORECASE))
    if found:
        draft.found.append(f"Its migrations ask for extensions of PostgreSQL: {', '.join(sorted(found))}.")
    own = f"secrets.applications.{draft.name}"
    draft.entry["database"] = {
        **({"extensions": sorted(found)} if found else {}),
        "password": f"{{{{ {own}.database_password }}}}",
        "owner_password": f"{{{{ {own}.database_owner_password }}}}",
    }


def _finish(project: Project, draft: Draft) -> None:
    apps = project.settings.get("INSTALLED_APPS")
    if apps and "django.contrib.admin" in apps.strings():
        draft.entry["superuser"] = {
            "username": "admin",
            "email": f"admin@{draft.domain}",
            "password": f"{{{{ secrets.applications.{draft.name}.admin_password }}}}",
        }
    size = project.settings.literal("DATA_UPLOAD_MAX_MEMORY_SIZE")
    if isinstance(size, int) and size > 10 * 1024 * 1024:
        draft.entry["max_body_size"] = f"{size // (1024 * 1024) + 1}m"
    listed = [str(path) for path in project.files if re.match(r"\.?env(\.|$)", path.name) and path.suffix not in CODE]
    if listed:
        draft.open.append(
            f"{', '.join(listed)} lists variables: write those that a server needs into environment or secret_environment."
        )
