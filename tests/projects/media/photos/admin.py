from django.contrib import admin

from .models import Photo, Report


@admin.register(Photo)
class PhotoAdmin(admin.ModelAdmin):
    list_display = ("title", "taken_at")


@admin.register(Report)
class ReportAdmin(admin.ModelAdmin):
    list_display = ("made_at", "photos", "kilobytes", "missing")
