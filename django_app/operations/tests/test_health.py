import platform
from unittest.mock import patch

import django
from django.db import OperationalError, ProgrammingError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client, SimpleTestCase, TestCase, override_settings

from operations.readiness import forget_schema


class ProcessTest(SimpleTestCase):
    """SimpleTestCase fails on any query, which is half of what is tested here."""

    def test_healthz_answers_without_a_database(self) -> None:
        response = self.client.get("/healthz")
        self.assertEqual((response.status_code, response.content), (200, b"ok"))
        self.assertEqual(response["Cache-Control"], "no-store")

    @override_settings(RELEASE="20260101-abc")
    def test_version(self) -> None:
        response = self.client.get("/version")
        self.assertEqual(
            response.json(),
            {
                "release": "20260101-abc",
                "django": django.get_version(),
                "python": platform.python_version(),
            },
        )
        self.assertEqual(response["Cache-Control"], "no-store")

    def test_only_reading(self) -> None:
        for path in ("/healthz", "/readyz", "/version"):
            self.assertEqual(self.client.post(path).status_code, 405)

    def test_hosts_are_checked(self) -> None:
        self.assertEqual(self.client.get("/healthz", headers={"host": "elsewhere.example"}).status_code, 400)

    def test_other_pages_are_redirected_to_https(self) -> None:
        response = self.client.get("/stack")
        self.assertEqual((response.status_code, response["Location"]), (301, "https://testserver/stack"))


class ReadyTest(TestCase):
    # A plain client, so without HTTPS: what a check on the host does.
    client_class = Client

    def setUp(self) -> None:
        forget_schema()
        self.addCleanup(forget_schema)

    def test_ready(self) -> None:
        response = self.client.get("/readyz")
        self.assertEqual((response.status_code, response.json()), (200, {"status": "ready"}))
        self.assertEqual(response["Cache-Control"], "no-store")

    def test_a_current_schema_is_remembered(self) -> None:
        self.client.get("/readyz")
        with self.assertNumQueries(1):
            self.assertEqual(self.client.get("/readyz").status_code, 200)

    def test_pending_migration_until_it_is_applied(self) -> None:
        recorder = MigrationRecorder(connection)
        recorder.record_unapplied("posts", "0002_newest_first")
        response = self.client.get("/readyz")
        self.assertEqual(response.status_code, 503)
        self.assertEqual(response.json(), {"status": "not ready", "reason": "1 migration is not applied"})
        self.assertEqual(response["Cache-Control"], "no-store")
        recorder.record_applied("posts", "0002_newest_first")
        self.assertEqual(self.client.get("/readyz").status_code, 200)

    def test_database_down_before_and_after_the_first_success(self) -> None:
        for _ in range(2):
            with patch.object(connection, "cursor", side_effect=OperationalError("at secret-host:5432")):
                response = self.client.get("/readyz")
            self.assertEqual(response.status_code, 503)
            self.assertEqual(response.json()["reason"], "the database is not reachable")
            self.assertEqual(self.client.get("/readyz").status_code, 200)

    def test_database_that_refuses(self) -> None:
        with patch.object(connection, "cursor", side_effect=ProgrammingError("permission denied")):
            response = self.client.get("/readyz")
        self.assertEqual(response.status_code, 503)
        self.assertEqual(response.json()["reason"], "the database refused a query")
