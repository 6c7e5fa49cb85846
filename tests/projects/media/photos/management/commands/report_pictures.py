from django.core.management.base import BaseCommand

from photos.models import Photo, Report


class Command(BaseCommand):
    help = "Count the pictures and their size, and keep the result. Meant to be run every night."

    def handle(self, *args, **options):
        sizes, missing = [], 0
        for photo in Photo.objects.all():
            if photo.file.storage.exists(photo.file.name):
                sizes.append(photo.file.size)
            else:
                missing += 1
        report = Report.objects.create(photos=len(sizes), kilobytes=sum(sizes) // 1024, missing=missing)
        self.stdout.write(f"{report.photos} pictures, {report.kilobytes} KB, {report.missing} missing")
