from types import SimpleNamespace
from unittest.mock import patch

from django.conf import settings
from django.db import OperationalError, connection

from board.testing import BoardTestCase
from operations import stack

BEHIND_NGINX = {
    "REMOTE_ADDR": "203.0.113.7",
    "SSL_PROTOCOL": "TLSv1.3",
    "SSL_CIPHER": "TLS_AES_256_GCM_SHA384",
    "SERVER_PROTOCOL": "HTTP/2.0",
    "REQUEST_ID": "9f86d081884c7d659a2feaa0c55ad015",
    "NGINX_HOST": "web1",
    "NGINX_VERSION": "1.26.3",
}


class StackTest(BoardTestCase):
    def test_behind_nginx_every_station_is_named(self) -> None:
        server = SimpleNamespace(version=b"2.0.28", worker_id=lambda: 3)
        with patch.object(stack, "uwsgi", server):
            response = self.client.get("/stack", **BEHIND_NGINX)
        for value in [*BEHIND_NGINX.values(), "2.0.28", "worker 3", settings.RELEASE]:
            with self.subTest(value=value):
                self.assertContains(response, value)
        self.assertContains(response, "<svg")
        self.assertEqual(response["Cache-Control"], "no-store")

    def test_without_nginx_and_uwsgi(self) -> None:
        with patch.object(stack, "uwsgi", None):
            response = self.client.get("/stack")
        self.assertContains(response, "not behind nginx")
        self.assertContains(response, "not run by uWSGI")

    def test_headers_of_a_client_prove_nothing(self) -> None:
        response = self.client.get("/stack", headers={"nginx-version": "6.6.6", "ssl-protocol": "TLSv9"})
        self.assertContains(response, "not behind nginx")
        self.assertNotContains(response, "6.6.6")

    def test_database_down(self) -> None:
        with patch.object(connection, "ensure_connection", side_effect=OperationalError("secret-host")):
            response = self.client.get("/stack")
        self.assertContains(response, "does not answer")
        self.assertNotContains(response, "secret-host")

    def test_no_secret_is_shown(self) -> None:
        text = self.client.get("/stack").content.decode()
        for secret in (settings.SECRET_KEY, settings.API_TOKEN, settings.MEDIA_ROOT):
            self.assertNotIn(secret, text)
