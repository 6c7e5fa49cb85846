from django.contrib import admin
from django.urls import include, path

from photos import views

urlpatterns = [
    path("", views.GalleryView.as_view(), name="gallery"),
    path("reports/", views.reports, name="reports"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
]
