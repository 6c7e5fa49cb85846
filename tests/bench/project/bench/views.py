"""The views that are measured. Each says which release answered."""

import hashlib
import time

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

from bench.models import Book, Visit

ROWS = 20
SLOWEST_SECONDS = 10.0


def _answer(**more: object) -> JsonResponse:
    return JsonResponse({"release": settings.RELEASE, "generation": settings.GENERATION, **more})


def ready(_request: HttpRequest) -> HttpResponse:
    """Whether the database answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return _answer(ready=True)


def json(_request: HttpRequest) -> HttpResponse:
    """No query, no template."""
    return _answer(items=[1, 2, 3])


def page(request: HttpRequest) -> HttpResponse:
    """One query for one row, one template with a base."""
    return render(request, "bench/page.html", {"book": Book.objects.get(pk=7), "settings": settings})


def visit(request: HttpRequest) -> HttpResponse:
    """A list of 20 rows, and one INSERT that is committed before the answer."""
    Visit.objects.create(path=request.path)
    return render(request, "bench/list.html", {"books": Book.objects.all()[:ROWS], "settings": settings})


def note(request: HttpRequest, key: str) -> HttpResponse:
    """One INSERT of a key, committed before the answer: whoever asked can look whether it is there."""
    Visit.objects.create(path=key)
    return _answer(noted=key)


def slow(request: HttpRequest) -> HttpResponse:
    """Answers after ``?seconds=``."""
    time.sleep(min(float(request.GET.get("seconds", "1")), SLOWEST_SECONDS))
    return _answer(slow=True)


@csrf_exempt
def upload(request: HttpRequest) -> HttpResponse:
    """Says what the body was, so that a sender knows that all of it arrived."""
    return _answer(size=len(request.body), sha256=hashlib.sha256(request.body).hexdigest())
