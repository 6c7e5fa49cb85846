"""The page of last resort."""

from django.conf import settings
from django.http import HttpRequest, HttpResponseServerError
from django.template.loader import render_to_string

from board.log import request_id


def server_error(request: HttpRequest) -> HttpResponseServerError:
    # Rendered without the request: no context processor runs, so that nothing which may be
    # the cause of the error (session, database) is asked again.
    context = {"release": settings.RELEASE, "request_id": request_id.get()}
    return HttpResponseServerError(render_to_string("500.html", context))
