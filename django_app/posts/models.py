import uuid
from functools import reduce
from operator import and_
from pathlib import PurePath
from typing import Self

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone


def picture_path(post: "Post", filename: str) -> str:
    """A random name: nothing of what the visitor typed reaches the disk, and nobody can guess an address.

    The suffix is trustworthy because PictureField has set it from the picture's content.
    """
    return f"pictures/{uuid.uuid4().hex}{PurePath(filename).suffix}"


class PostQuerySet(models.QuerySet["Post"]):
    def search(self, text: str) -> Self:
        """Posts in which every word of the text is found, in the title or in the text."""
        # PostgreSQL refuses NUL in a string, and a scanner will send it.
        words = text.replace("\0", " ").split()
        if not words:
            return self
        return self.filter(reduce(and_, (Q(title__icontains=w) | Q(text__icontains=w) for w in words)))


class Post(models.Model):
    title = models.CharField(max_length=120)
    text = models.TextField(max_length=10_000)
    picture = models.ImageField(
        upload_to=picture_path,
        blank=True,
        width_field="picture_width",
        height_field="picture_height",
    )
    picture_description = models.CharField(
        max_length=200,
        blank=True,
        help_text="What the picture shows, for those who cannot see it.",
    )
    # Kept in the row, so that a page can reserve the space without opening the file.
    picture_width = models.PositiveIntegerField(null=True, editable=False)
    picture_height = models.PositiveIntegerField(null=True, editable=False)
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = PostQuerySet.as_manager()

    class Meta:
        # The id settles the order of posts of one instant, without which pages could repeat a post.
        ordering = ["-created", "-id"]
        indexes = [models.Index(fields=["-created", "-id"], name="posts_newest_first")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("posts:detail", args=[self.pk])
