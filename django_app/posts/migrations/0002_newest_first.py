from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("posts", "0001_posts"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="post",
            index=models.Index(fields=["-created", "-id"], name="posts_newest_first"),
        ),
    ]
