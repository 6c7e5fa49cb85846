from django.contrib import admin

from .models import PriceCheck, Product

admin.site.register(Product)


@admin.register(PriceCheck)
class PriceCheckAdmin(admin.ModelAdmin):
    list_display = ("made_at", "asked_by", "version", "worker")
