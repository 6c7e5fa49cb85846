from django.conf import settings
from django.core.cache import cache
from django.http import JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from .models import PriceCheck, Product
from .tasks import look_at_prices


def index(request):
    return render(request, "shop/index.html", {"products": Product.objects.all()})


def up(request):
    """For whoever watches the shop: the database answers."""
    return JsonResponse({"products": Product.objects.count(), "version": settings.VERSION})


def status(request):
    """The last price checks, of everybody or `?asked_by=` one, and how often this page was asked for, from the cache."""
    cache.add("status-visits", 0)
    checks = PriceCheck.objects.values("id", "asked_by", "version", "worker", "products", "made_at")
    if "asked_by" in request.GET:
        checks = checks.filter(asked_by=request.GET["asked_by"])
    return JsonResponse(
        {"version": settings.VERSION, "visits": cache.incr("status-visits"), "checks": list(checks[:20])}
    )


@csrf_exempt
@require_POST
def check(request):
    """Ask a worker for a price check: `POST /check/?seconds=5`."""
    result = look_at_prices.delay(asked_by="page", seconds=float(request.GET.get("seconds", 0)))
    return JsonResponse({"task": result.id}, status=202)
