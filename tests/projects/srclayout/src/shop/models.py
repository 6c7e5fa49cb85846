from django.db import models


class Product(models.Model):
    name = models.CharField(max_length=100, unique=True)
    price = models.DecimalField(max_digits=8, decimal_places=2)

    class Meta:
        ordering = ("name",)

    def __str__(self):
        return self.name


class PriceCheck(models.Model):
    """One run of the task, and who ran it."""

    asked_by = models.CharField(max_length=20)
    version = models.CharField(max_length=64)
    worker = models.CharField(max_length=100, blank=True)
    products = models.PositiveIntegerField()
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-made_at", "-id")

    def __str__(self):
        return f"{self.made_at:%Y-%m-%d %H:%M} by {self.asked_by}"
