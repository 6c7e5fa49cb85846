from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import JsonResponse
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.views.generic import CreateView

from .models import Photo, Report

MEGABYTE = 1024 * 1024


class GalleryView(CreateView):
    """The pictures, and a form for one more."""

    model = Photo
    fields = ("title", "file")
    success_url = reverse_lazy("gallery")
    template_name = "photos/gallery.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(photos=Photo.objects.all(), **kwargs)

    def form_valid(self, form):
        if form.cleaned_data["file"].size > settings.PICTURE_LIMIT_MB * MEGABYTE:
            form.add_error("file", ValidationError(_("This picture is too large.")))
            return self.form_invalid(form)
        return super().form_valid(form)


def reports(request):
    return JsonResponse({"reports": list(Report.objects.values("photos", "kilobytes", "missing", "made_at")[:20])})
