from django.db import models


class Entry(models.Model):
    name = models.CharField(max_length=100)
    message = models.TextField()
    written_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-written_at",)
        verbose_name_plural = "entries"

    def __str__(self):
        return f"{self.name}, {self.written_at:%Y-%m-%d}"
