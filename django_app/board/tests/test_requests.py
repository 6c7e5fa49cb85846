"""What holds for every request: headers, log lines, the page of last resort."""

import json
import logging
import sys
from unittest.mock import patch

from django.test import SimpleTestCase

from board.log import JsonFormatter, RequestIdFilter, request_id
from board.testing import BoardTestCase, HttpsClient


class HeadersTest(BoardTestCase):
    def test_security_headers(self) -> None:
        for path in ("/", "/posts/new/", "/stack", "/admin/login/", "/nowhere/"):
            with self.subTest(path=path):
                headers = self.client.get(path).headers
                self.assertIn("default-src 'self'", headers["Content-Security-Policy"])
                self.assertNotIn("unsafe", headers["Content-Security-Policy"])
                self.assertEqual(headers["Strict-Transport-Security"], "max-age=31536000")
                self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
                self.assertEqual(headers["X-Frame-Options"], "DENY")

    def test_our_pages_need_no_inline_style_or_script(self) -> None:
        for path in ("/", "/posts/new/", "/stack", "/nowhere/"):
            response = self.client.get(path)
            self.assertNotContains(response, "style=", status_code=response.status_code)
            self.assertNotContains(response, "<script", status_code=response.status_code)


class ServerErrorTest(SimpleTestCase):
    """A SimpleTestCase, so that the page is proved to touch no database."""

    def test_page_names_the_request(self) -> None:
        client = HttpsClient(raise_request_exception=False)
        with patch("operations.views.why_not_ready", side_effect=RuntimeError("secret")):
            response = client.get("/readyz", REQUEST_ID="4711")
        self.assertContains(response, "Something broke", status_code=500)
        self.assertContains(response, "4711", status_code=500)
        self.assertNotContains(response, "secret", status_code=500)


class LogTest(SimpleTestCase):
    def test_a_traceback_is_one_line_with_the_request(self) -> None:
        request_id.set("4711")
        try:
            raise RuntimeError("broken")
        except RuntimeError:
            record = logging.LogRecord("x", logging.ERROR, "f", 1, "Failed: %s", ("a\nb",), sys.exc_info())
        RequestIdFilter().filter(record)
        line = JsonFormatter().format(record)
        self.assertNotIn("\n", line)
        event = json.loads(line)
        self.assertEqual((event["request_id"], event["message"]), ("4711", "Failed: a\nb"))
        self.assertIn("RuntimeError: broken", event["traceback"])
