"""Both tables, and 200 books."""

import datetime

from django.db import migrations, models


def fill(apps, _schema_editor):
    """Add the books."""
    book = apps.get_model("bench", "Book")
    first = datetime.date(2000, 1, 1)
    book.objects.bulk_create(
        book(
            title=f"The book with the number {number}",
            author=f"Author {number % 23}",
            pages=100 + number,
            published=first + datetime.timedelta(days=number),
        )
        for number in range(200)
    )


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Book",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=200)),
                ("author", models.CharField(max_length=100)),
                ("pages", models.PositiveIntegerField()),
                ("published", models.DateField(db_index=True)),
            ],
            options={"ordering": ["-published"]},
        ),
        migrations.CreateModel(
            name="Visit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", models.CharField(max_length=200)),
                ("at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
