"""The WSGI application that uWSGI loads."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "board.settings")

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def scheme_from_nginx(inner: Application) -> Application:
    """Takes the scheme from nginx's parameters alone.

    uWSGI lets the headers X-Forwarded-Proto and X-Forwarded-SSL overrule the parameter HTTPS.
    Any client can send those: it could make plain HTTP look safe, or be redirected for ever.
    """

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        is_https = environ.get("HTTPS", "").lower() == "on" or environ.get("UWSGI_SCHEME") == "https"
        environ["wsgi.url_scheme"] = "https" if is_https else "http"
        return inner(environ, start_response)

    return application


application = scheme_from_nginx(get_wsgi_application())
