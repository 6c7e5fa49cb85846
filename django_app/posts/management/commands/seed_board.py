"""Fills the board with sample posts, for a demonstration or a benchmark."""

import colorsys
from datetime import timedelta
from io import BytesIO
from itertools import islice
from typing import Any

from django.core.files.base import ContentFile
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils import timezone
from PIL import Image, ImageOps

from posts.models import Post

SUBJECTS = (
    ("Bicycle looking for a new home", "Three gears, one bell, and a basket made for loaves of bread."),
    ("Repair café on Saturday", "Bring what is broken. We have tools, tea, and people who open things."),
    ("Found: a blue umbrella", "It was left at the tram stop during the only sunny hour of the week."),
    ("Sourdough starter to share", "Seven years old, calm character, answers to the name of Olga."),
    ("Choir seeks two basses", "We sing on Tuesdays. Reading notes helps, a liking for cake helps more."),
    ("Free tomato plants", "Twelve varieties, more seedlings than window sills. First come, first served."),
    ("Chess in the park", "Bring a board if you have one. Beginners are welcome and usually win."),
    ("Moving boxes to pass on", "Forty of them, used once, flat and dry. Please collect in the evening."),
)
BATCH = 500
PICTURE_EVERY = 3


class Command(BaseCommand):
    help = "Fills in sample posts. A second run adds only those that are not there yet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--posts", type=int, default=50, metavar="N", help="how many (default: 50)")
        parser.add_argument(
            "--pictures",
            action="store_true",
            help="give every third one a picture (writes to MEDIA_ROOT: run it as the application's user)",
        )

    def handle(self, *, posts: int, pictures: bool, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        # The number in the title is what makes a sample recognisable in the next run.
        titles = set(Post.objects.filter(title__contains=" · sample ").values_list("title", flat=True))
        now = timezone.now()
        missing = (
            Post(title=title, text=text, created=now - timedelta(hours=7 * number))
            for number, title, text in map(_sample, range(1, posts + 1))
            if title not in titles
        )
        added = 0
        while batch := list(islice(missing, BATCH)):
            if pictures:
                for position, post in enumerate(batch[::PICTURE_EVERY]):
                    post.picture_description = "Bands of colour that flow into each other"
                    post.picture = _picture(len(titles) + added + position)
            with transaction.atomic():
                added += len(Post.objects.bulk_create(batch))
        self.stdout.write(f"{added} sample posts added, {posts - added} were there already.")


def _sample(number: int) -> tuple[int, str, str]:
    title, text = SUBJECTS[number % len(SUBJECTS)]
    return number, f"{title} · sample {number}", f"{text}\n\nThis is sample post number {number}."


def _picture(number: int) -> ContentFile:
    # Steps of the golden ratio give neighbours colours that differ.
    hue = number * 0.618 % 1

    def colour(offset: float, lightness: float) -> tuple[int, ...]:
        return tuple(round(part * 255) for part in colorsys.hls_to_rgb((hue + offset) % 1, lightness, 0.45))

    gradient = Image.radial_gradient("L").resize((960, 960)).crop((0, 120, 960, 660))
    image = ImageOps.colorize(gradient, black=colour(0.12, 0.82), mid=colour(0, 0.6), white=colour(-0.1, 0.3))
    content = BytesIO()
    image.save(content, "JPEG", quality=85)
    return ContentFile(content.getvalue(), name="sample.jpg")
