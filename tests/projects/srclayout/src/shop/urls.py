from django.contrib import admin
from django.urls import path

from . import views

urlpatterns = [
    path("", views.index),
    path("up/", views.up),
    path("status/", views.status),
    path("check/", views.check),
    path("admin/", admin.site.urls),
]
