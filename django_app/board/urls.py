from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import include, path

admin.site.site_header = admin.site.site_title = "Board"

urlpatterns = [
    path("", include("operations.urls")),
    path("", include("posts.urls")),
    path("admin/", admin.site.urls),
    # Does nothing unless DEBUG is on; in production nginx serves the media files.
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]

handler500 = "board.errors.server_error"
