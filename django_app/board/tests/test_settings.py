"""The settings are read in a process of their own, as a start in production reads them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from unittest import TestCase

PROJECT = Path(__file__).resolve().parents[2]

PRODUCTION = {
    "SECRET_KEY": "mG7-qT2zXw9.Lk4vRb8sYc1dHf6jNp3aEu5oIiKxZsDgQtWyVnBe0rMh",
    "DATABASE_URL": "sqlite://:memory:",
    "ALLOWED_HOSTS": "board.example, www.board.example",
    "STATIC_ROOT": "/srv/board/static",
    "MEDIA_ROOT": "/srv/board/media",
    "API_TOKEN": "Zk3vQ9xW",
}
VERIFIED = "?sslmode=verify-full&sslrootcert=/etc/ssl/db.pem"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # PYTHONPATH may be how the dependencies are found; nothing else of ours is passed on.
    inherited = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-B", *arguments],
        cwd=PROJECT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def setting(name: str, **environment: str) -> object:
    code = f"import json; from board import settings; print(json.dumps(settings.{name}))"
    result = run("-c", code, **{**PRODUCTION, **environment})
    if result.returncode:
        raise AssertionError(result.stderr)
    return json.loads(result.stdout)


class SecretKeyTest(TestCase):
    def test_other_keys_count_while_it_is_replaced(self) -> None:
        self.assertEqual(setting("SECRET_KEY_FALLBACKS"), [])
        self.assertEqual(setting("SECRET_KEY_FALLBACKS", SECRET_KEY_FALLBACKS="one, two"), ["one", "two"])


class RequiredTest(TestCase):
    def test_all_that_is_missing_is_named_at_once(self) -> None:
        result = run("manage.py", "check")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("ImproperlyConfigured", result.stderr)
        for name in PRODUCTION:
            self.assertIn(name, result.stderr)

    def test_only_what_is_missing_is_named(self) -> None:
        result = run("manage.py", "check", **{**PRODUCTION, "API_TOKEN": " "})
        self.assertIn("Missing environment variables: API_TOKEN.", result.stderr)

    def test_wrong_values_are_named_without_quoting_them(self) -> None:
        wrong = {"DATABASE_URL": "mystery://u:hunter2@h/d", "DEBUG": "maybe", "PICTURE_MAX_MB": "many"}
        result = run("manage.py", "check", **{**PRODUCTION, **wrong})
        message = result.stderr.strip().splitlines()[-1]
        for name in wrong:
            self.assertIn(name, message)
        self.assertNotIn("hunter2", result.stderr)


class DatabaseTest(TestCase):
    def database(self, url: str, **environment: str) -> dict:
        return setting("DATABASES", DATABASE_URL=url, **environment)["default"]

    def test_options_of_the_url_reach_the_driver(self) -> None:
        options = self.database(f"postgresql://u:p%40ss@db.example:5433/board{VERIFIED}")["OPTIONS"]
        self.assertEqual(options["sslmode"], "verify-full")
        self.assertEqual(options["sslrootcert"], "/etc/ssl/db.pem")
        self.assertEqual(options["connect_timeout"], 5)

    def test_parts_of_the_url(self) -> None:
        database = self.database("postgresql://u:p%40ss@db.example:5433/board?connect_timeout=2")
        self.assertEqual(database["PASSWORD"], "p@ss")
        self.assertEqual((database["HOST"], database["PORT"]), ("db.example", 5433))
        self.assertEqual(database["NAME"], "board")
        self.assertEqual(int(database["OPTIONS"]["connect_timeout"]), 2)

    def test_connections_are_kept_and_checked(self) -> None:
        database = self.database("postgresql://u:p@h/d")
        self.assertIsNone(database["CONN_MAX_AGE"])
        self.assertTrue(database["CONN_HEALTH_CHECKS"])
        self.assertEqual(self.database("postgresql://u:p@h/d", CONN_MAX_AGE="60")["CONN_MAX_AGE"], 60)
        self.assertEqual(self.database("postgresql://u:p@h/d", CONN_MAX_AGE="0")["CONN_MAX_AGE"], 0)


class ProductionTest(TestCase):
    def test_deploy_check_is_clean(self) -> None:
        result = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("no issues", result.stdout)

    def test_no_migration_is_forgotten(self) -> None:
        result = run("manage.py", "makemigrations", "--check", "--dry-run", **PRODUCTION)
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_lists_and_defaults(self) -> None:
        self.assertEqual(setting("ALLOWED_HOSTS"), ["board.example", "www.board.example"])
        self.assertEqual(setting("RELEASE"), "development")
        self.assertIs(setting("DEBUG"), False)

    def test_debug_serves_plain_static_names(self) -> None:
        for value in ("1", "true", "YES"):
            self.assertIs(setting("DEBUG", DEBUG=value), True)
        storage = setting("STORAGES", DEBUG="1")["staticfiles"]["BACKEND"]
        self.assertTrue(storage.endswith(".StaticFilesStorage"))
        storage = setting("STORAGES")["staticfiles"]["BACKEND"]
        self.assertTrue(storage.endswith(".ManifestStaticFilesStorage"))

    def test_plain_http_has_to_be_asked_for(self) -> None:
        names = ("SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS")
        for name in names:
            self.assertTrue(setting(name))
            self.assertFalse(setting(name, HTTPS_ONLY="no"))
