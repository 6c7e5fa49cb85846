from django.core.validators import FileExtensionValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class Photo(models.Model):
    title = models.CharField(_("title"), max_length=100)
    file = models.FileField(
        _("file"), upload_to="%Y/%m/", validators=[FileExtensionValidator(["gif", "jpg", "jpeg", "png", "svg"])]
    )
    taken_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-taken_at", "-id")

    def __str__(self):
        return self.title


class Report(models.Model):
    """What the nightly command counted."""

    photos = models.PositiveIntegerField()
    kilobytes = models.PositiveIntegerField()
    missing = models.PositiveIntegerField()
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-made_at", "-id")

    def __str__(self):
        return f"{self.made_at:%Y-%m-%d}: {self.photos}"
