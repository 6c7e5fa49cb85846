from django.contrib import admin
from django.urls import path

from guestbook.views import GuestbookView

urlpatterns = [
    path("", GuestbookView.as_view()),
    path("admin/", admin.site.urls),
]
