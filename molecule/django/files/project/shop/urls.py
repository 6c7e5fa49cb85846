"""Pages that say which release answers, and from where."""

import os
import time

from django.http import HttpRequest, JsonResponse
from django.urls import path

from shop.greeting import GREETING
from shop.models import Item


def front(request: HttpRequest) -> JsonResponse:
    facts = {"greeting": GREETING, "release": os.environ["RELEASE"], "slot": os.environ["SLOT"]}
    return JsonResponse({**facts, "threads": request.META["wsgi.multithread"]})


def items(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"items": Item.objects.count()})


def slow(request: HttpRequest) -> JsonResponse:
    time.sleep(float(request.GET["seconds"]))
    return front(request)


urlpatterns = [path("", front), path("healthy", front), path("items", items), path("slow", slow)]
