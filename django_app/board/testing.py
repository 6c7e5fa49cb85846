"""What the tests of all apps share."""

from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client, TestCase
from PIL import Image


class HttpsClient(Client):
    """Speaks HTTPS unless told otherwise, as every visitor does behind nginx."""

    def generic(self, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401 - passed through as they are
        kwargs["secure"] = True
        return super().generic(*args, **kwargs)


class BoardTestCase(TestCase):
    client_class = HttpsClient


def picture(
    name: str = "cat.png", *, kind: str = "PNG", size: tuple[int, int] = (40, 30)
) -> SimpleUploadedFile:
    content = BytesIO()
    Image.new("RGB", size, "teal").save(content, kind)
    return SimpleUploadedFile(name, content.getvalue(), content_type=f"image/{kind.lower()}")
