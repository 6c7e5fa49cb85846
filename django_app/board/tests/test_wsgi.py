from django.test import SimpleTestCase

from board.wsgi import scheme_from_nginx


def scheme(**environ: str) -> str:
    seen = {}
    scheme_from_nginx(lambda given, start_response: seen.update(given) or [])(environ, lambda *_: None)
    return seen["wsgi.url_scheme"]


class SchemeTest(SimpleTestCase):
    def test_nginx_decides(self) -> None:
        self.assertEqual(scheme(HTTPS="on"), "https")
        self.assertEqual(scheme(UWSGI_SCHEME="https"), "https")
        self.assertEqual(scheme(), "http")
        self.assertEqual(scheme(HTTPS=""), "http")

    def test_what_uwsgi_made_of_a_client_header_is_dropped(self) -> None:
        headers = {"HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_SSL": "on"}
        self.assertEqual(scheme(**headers, **{"wsgi.url_scheme": "https"}), "http")
        self.assertEqual(scheme(HTTPS="on", **{"wsgi.url_scheme": "http"}), "https")
