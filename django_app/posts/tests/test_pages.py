import stat
import tempfile
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from board import settings as production
from board.testing import BoardTestCase, HttpsClient, picture
from posts.models import Post

LIST = reverse("posts:list")
CREATE = reverse("posts:create")


def titles(response: object) -> list[str]:
    return [post.title for post in response.context["page"]]


class ListTest(BoardTestCase):
    def test_empty_board_invites_to_write(self) -> None:
        response = self.client.get(LIST)
        self.assertContains(response, "Write a post")

    def test_newest_first(self) -> None:
        now = timezone.now()
        Post.objects.create(title="old", text="x", created=now - timedelta(days=1))
        Post.objects.create(title="new", text="x", created=now)
        self.assertEqual(titles(self.client.get(LIST)), ["new", "old"])

    def test_pages_hold_every_post_once(self) -> None:
        moment = timezone.now()
        Post.objects.bulk_create(Post(title=f"post {n}", text="x", created=moment) for n in range(30))
        seen = [title for page in (1, 2, 3) for title in titles(self.client.get(LIST, {"page": page}))]
        self.assertEqual(len(seen), 30)
        self.assertEqual(len(set(seen)), 30)

    def test_page_links_keep_the_search(self) -> None:
        Post.objects.bulk_create(Post(title=f"cat {n}", text="x") for n in range(13))
        self.assertContains(self.client.get(LIST, {"q": "cat"}), "?q=cat&amp;page=2")

    def test_page_out_of_range_shows_a_page(self) -> None:
        Post.objects.create(title="only one", text="x")
        for page in ("99", "0", "-1", "none"):
            with self.subTest(page=page):
                self.assertContains(self.client.get(LIST, {"page": page}), "only one")

    def test_search_looks_in_title_and_text_for_every_word(self) -> None:
        Post.objects.create(title="Blue bicycle", text="Three gears")
        Post.objects.create(title="Blue umbrella", text="Found")
        self.assertEqual(titles(self.client.get(LIST, {"q": "blue GEARS"})), ["Blue bicycle"])
        self.assertEqual(len(titles(self.client.get(LIST, {"q": "blue"}))), 2)
        self.assertContains(self.client.get(LIST, {"q": "absent"}), "No post has all these words")

    def test_search_survives_odd_input(self) -> None:
        for query in ("\0", "%", "'", "<script>", "x" * 5000):
            with self.subTest(query=query[:10]):
                self.assertEqual(self.client.get(LIST, {"q": query}).status_code, 200)

    def test_what_visitors_write_is_escaped(self) -> None:
        Post.objects.create(title="<script>alert(1)</script>", text="<b>x</b>")
        self.assertNotContains(self.client.get(LIST), "<script>")


class DetailTest(BoardTestCase):
    def test_shows_the_post(self) -> None:
        post = Post.objects.create(title="A title", text="First line\n\nSecond paragraph")
        response = self.client.get(post.get_absolute_url())
        self.assertContains(response, "<p>Second paragraph</p>", html=True)

    def test_unknown_post_gets_our_page(self) -> None:
        for pk in (404, 10**30):
            response = self.client.get(reverse("posts:detail", args=[pk]))
            self.assertContains(response, "Nothing hangs here", status_code=404)


class CreateTest(BoardTestCase):
    def test_post_redirect_get_with_a_message(self) -> None:
        response = self.client.post(CREATE, {"title": "Hello", "text": "World"}, follow=True)
        post = Post.objects.get()
        self.assertRedirects(response, post.get_absolute_url())
        self.assertContains(response, "Your post is on the board.")

    def test_picture_is_stored_under_a_random_name_with_its_size(self) -> None:
        data = {"title": "Cat", "text": "Look", "picture_description": "A cat"}
        self.client.post(CREATE, {**data, "picture": picture("my cat.png")})
        post = Post.objects.get()
        self.assertRegex(post.picture.name, r"^pictures/[0-9a-f]{32}\.png$")
        self.assertEqual((post.picture_width, post.picture_height), (40, 30))
        self.assertContains(self.client.get(post.get_absolute_url()), 'alt="A cat"')

    def test_every_kind_is_accepted(self) -> None:
        for kind, suffix in {"JPEG": ".jpg", "PNG": ".png", "GIF": ".gif", "WEBP": ".webp"}.items():
            with self.subTest(kind=kind):
                self.client.post(CREATE, {"title": kind, "text": "x", "picture": picture(kind=kind)})
                self.assertTrue(Post.objects.get(title=kind).picture.name.endswith(suffix))

    def test_content_decides_the_suffix(self) -> None:
        self.client.post(CREATE, {"title": "x", "text": "x", "picture": picture("liar.png", kind="JPEG")})
        self.assertTrue(Post.objects.get().picture.name.endswith(".jpg"))

    def test_bad_pictures_are_refused_with_a_clear_message(self) -> None:
        whole = picture().read()
        bad = {
            "text": SimpleUploadedFile("a.png", b"not a picture"),
            "cut off": SimpleUploadedFile("a.png", whole[: len(whole) // 2]),
            "vector": SimpleUploadedFile("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
            "other kind": picture("a.bmp", kind="BMP"),
            "empty": SimpleUploadedFile("a.png", b""),
        }
        for name, file in bad.items():
            with self.subTest(name):
                response = self.client.post(CREATE, {"title": "x", "text": "x", "picture": file})
                self.assertEqual(response.status_code, 422)
                self.assertTrue(response.context["form"].errors["picture"])
        self.assertFalse(Post.objects.exists())

    @override_settings(PICTURE_MAX_BYTES=100)
    def test_too_large_a_picture_names_the_limit(self) -> None:
        file = picture(size=(300, 300))
        response = self.client.post(CREATE, {"title": "x", "text": "x", "picture": file})
        self.assertContains(response, "at most 100", status_code=422)

    def test_too_many_pixels(self) -> None:
        file = picture(size=(8000, 5001))
        response = self.client.post(CREATE, {"title": "x", "text": "x", "picture": file})
        self.assertContains(response, "8000 by 5001 pixels", status_code=422)

    def test_missing_fields_are_named(self) -> None:
        response = self.client.post(CREATE, {"title": "", "text": ""})
        self.assertEqual(set(response.context["form"].errors), {"title", "text"})
        self.assertContains(response, 'aria-invalid="true"', status_code=422)

    def test_csrf_is_enforced(self) -> None:
        strict = HttpsClient(enforce_csrf_checks=True)
        data = {"title": "x", "text": "x"}
        self.assertContains(strict.post(CREATE, data), "This form is too old", status_code=403)
        token = strict.get(CREATE).context["csrf_token"]
        own = {"csrfmiddlewaretoken": str(token), **data}
        foreign = strict.post(CREATE, own, headers={"origin": "https://elsewhere.example"})
        self.assertEqual(foreign.status_code, 403)
        self.assertEqual(strict.post(CREATE, own, headers={"origin": "https://testserver"}).status_code, 302)


class StorageTest(BoardTestCase):
    def test_uploads_are_readable_by_the_group_alone(self) -> None:
        with tempfile.TemporaryDirectory() as media, override_settings(MEDIA_ROOT=media):
            with override_settings(STORAGES=production.STORAGES | {"default": PRODUCTION_STORAGE}):
                storage = storages["default"]
                name = storage.save("pictures/x.png", BytesIO(b"x"))
            file = Path(media) / name
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o640)
            self.assertEqual(stat.S_IMODE(file.parent.stat().st_mode), 0o750)


PRODUCTION_STORAGE = production.STORAGES["default"]


class AdminTest(BoardTestCase):
    def setUp(self) -> None:
        self.client.force_login(get_user_model().objects.create_superuser("boss"))

    def test_list_and_form(self) -> None:
        post = Post.objects.create(title="In the admin", text="x")
        self.assertContains(self.client.get("/admin/posts/post/"), "In the admin")
        change = f"/admin/posts/post/{post.pk}/change/"
        self.assertContains(self.client.get(change), "In the admin")
        data = {"title": "x", "text": "x", "picture": SimpleUploadedFile("a.png", b"no")}
        self.assertContains(self.client.post(change, data), "not a picture we can show")

    def test_a_picture_survives_an_edit(self) -> None:
        self.client.post(CREATE, {"title": "Cat", "text": "Look", "picture": picture()})
        post = Post.objects.get()
        self.client.post(f"/admin/posts/post/{post.pk}/change/", {"title": "Dog", "text": "Look"})
        edited = Post.objects.get()
        self.assertEqual((edited.title, edited.picture.name), ("Dog", post.picture.name))


class SeedTest(BoardTestCase):
    def test_a_second_run_adds_only_what_is_missing(self) -> None:
        for wanted in (5, 5, 8):
            call_command("seed_board", posts=wanted, stdout=StringIO())
            self.assertEqual(Post.objects.count(), wanted)

    def test_pictures(self) -> None:
        call_command("seed_board", posts=4, pictures=True, stdout=StringIO())
        self.assertEqual(Post.objects.exclude(picture="").count(), 2)
        self.assertFalse(Post.objects.exclude(picture="").filter(picture_width=None).exists())
