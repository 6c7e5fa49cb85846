"""URLs."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from greetings import hello


def front(_request: HttpRequest) -> HttpResponse:
    """The one page."""
    return HttpResponse(hello())


urlpatterns = [path("", front)]
