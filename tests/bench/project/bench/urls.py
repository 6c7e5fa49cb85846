"""The addresses."""

from django.urls import path

from bench import views

urlpatterns = [
    path("readyz", views.ready),
    path("json/", views.json),
    path("page/", views.page),
    path("list/", views.visit),
    path("note/<slug:key>/", views.note),
    path("slow/", views.slow),
    path("upload/", views.upload),
]
