"""What the pages read and write."""

from typing import ClassVar

from django.db import models


class Book(models.Model):
    """A row of the page and of the list."""

    title = models.CharField(max_length=200)
    author = models.CharField(max_length=100)
    pages = models.PositiveIntegerField()
    published = models.DateField(db_index=True)

    class Meta:
        ordering: ClassVar = ["-published"]

    def __str__(self) -> str:
        return self.title


class Visit(models.Model):
    """What the list inserts."""

    path = models.CharField(max_length=200)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.path} at {self.at}"
