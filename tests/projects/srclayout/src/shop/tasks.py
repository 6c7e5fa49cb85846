import time

from celery import shared_task
from django.conf import settings

from .models import PriceCheck, Product


@shared_task(bind=True)
def look_at_prices(self, asked_by="somebody", seconds=0):
    """Count the products and leave a row that says which version of the shop did it.

    Args:
        asked_by: `beat`, `page`, or whoever else asked.
        seconds: how long it takes: stands for work that must not be cut off.
    """
    time.sleep(seconds)
    check = PriceCheck.objects.create(
        asked_by=asked_by,
        version=settings.VERSION,
        worker=self.request.hostname or "",
        products=Product.objects.count(),
    )
    return check.pk
