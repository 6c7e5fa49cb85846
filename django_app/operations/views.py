"""Addresses for those who run the application."""

import platform

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from operations.readiness import why_not_ready
from operations.stack import stations


@require_safe
@cache_control(no_store=True)
def healthz(request: HttpRequest) -> HttpResponse:
    """Does the process live? Asks nothing else, so that a lost database restarts no healthy worker."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
@cache_control(no_store=True)
def readyz(request: HttpRequest) -> HttpResponse:
    """May this process be given requests?"""
    reason = why_not_ready()
    if reason:
        return JsonResponse({"status": "not ready", "reason": reason}, status=503)
    return JsonResponse({"status": "ready"})


@require_safe
@cache_control(no_store=True)
def version(request: HttpRequest) -> HttpResponse:
    return JsonResponse(
        {
            "release": settings.RELEASE,
            "django": django.get_version(),
            "python": platform.python_version(),
        }
    )


@require_safe
@cache_control(no_store=True)
def stack(request: HttpRequest) -> HttpResponse:
    return render(request, "operations/stack.html", {"stack": stations(request.META)})
