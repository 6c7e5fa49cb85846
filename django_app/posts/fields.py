"""The form field for a picture: small enough, of a known kind, and really a picture."""

from pathlib import PurePath
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.template.defaultfilters import filesizeformat
from PIL import Image

# Pillow's name of the kind, and the suffix by which nginx chooses the Content-Type.
KINDS = {"JPEG": ".jpg", "PNG": ".png", "GIF": ".gif", "WEBP": ".webp"}
MAX_PIXELS = 40_000_000
# What Pillow raises on files that are broken, or made to break it.
UNREADABLE = (Image.DecompressionBombError, OSError, SyntaxError, ValueError)


class PictureField(forms.ImageField):
    widget = forms.ClearableFileInput(attrs={"accept": "image/jpeg,image/png,image/gif,image/webp"})
    default_error_messages = {
        "too_large": "The picture is %(size)s. Please choose one of at most %(limit)s.",
        "too_many_pixels": "The picture has %(width)d by %(height)d pixels. Please scale it down first.",
        "invalid_image": "This file is not a picture we can show. Please choose a JPEG, PNG, GIF or WebP.",
    }

    def to_python(self, data: Any) -> Any:  # noqa: ANN401 - Django's own signature
        if data in self.empty_values:
            return super().to_python(data)
        if data.size > settings.PICTURE_MAX_BYTES:
            raise ValidationError(
                self.error_messages["too_large"],
                code="too_large",
                params={
                    "size": filesizeformat(data.size),
                    "limit": filesizeformat(settings.PICTURE_MAX_BYTES),
                },
            )
        kind = self._kind(data)
        data.seek(0)
        file = super().to_python(data)
        # The content decides the suffix, never the visitor: "page.html" must not be served as HTML.
        file.name = PurePath(file.name).stem + KINDS[kind]
        return file

    def _kind(self, data: Any) -> str:  # noqa: ANN401 - an uploaded file of either of Django's classes
        try:
            # Only the kinds we serve: Pillow's rarer decoders never see a stranger's bytes.
            with Image.open(data, formats=list(KINDS)) as image:
                kind, (width, height) = str(image.format), image.size
        except UNREADABLE as error:
            raise ValidationError(self.error_messages["invalid_image"], code="invalid_image") from error
        if width * height > MAX_PIXELS:
            raise ValidationError(
                self.error_messages["too_many_pixels"],
                code="too_many_pixels",
                params={"width": width, "height": height},
            )
        return kind
