import json
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse

from board.testing import BoardTestCase, HttpsClient
from posts.models import Post

API = reverse("posts:api-collection")


class ReadTest(BoardTestCase):
    def test_list_is_paged_and_links_its_neighbours(self) -> None:
        Post.objects.bulk_create(Post(title=f"cat {n}", text="x") for n in range(14))
        first = self.client.get(API, {"q": "cat"}).json()
        self.assertEqual((first["count"], first["page"], first["pages"]), (14, 1, 2))
        self.assertIsNone(first["previous"])
        self.assertEqual(first["next"], f"https://testserver{API}?q=cat&page=2")
        second = self.client.get(first["next"]).json()
        self.assertEqual(len(second["results"]), 2)
        self.assertIsNone(second["next"])

    def test_search(self) -> None:
        Post.objects.create(title="Blue bicycle", text="x")
        Post.objects.create(title="Green", text="x")
        results = self.client.get(API, {"q": "bicycle"}).json()["results"]
        self.assertEqual([post["title"] for post in results], ["Blue bicycle"])

    def test_pages_that_do_not_exist(self) -> None:
        for page, status in {"2": 404, "0": 404, "x": 400}.items():
            with self.subTest(page=page):
                response = self.client.get(API, {"page": page})
                self.assertEqual(response.status_code, status)
                self.assertIn("error", response.json())

    def test_item(self) -> None:
        post = Post.objects.create(title="One", text="x")
        body = self.client.get(reverse("posts:api-item", args=[post.pk])).json()
        self.assertEqual((body["id"], body["title"], body["picture"]), (post.pk, "One", None))
        missing = self.client.get(reverse("posts:api-item", args=[10**30]))
        self.assertEqual((missing.status_code, missing.json()), (404, {"error": "No such post."}))


class WriteTest(BoardTestCase):
    def post(self, body: Any, token: str = settings.API_TOKEN, **more: Any) -> HttpResponse:  # noqa: ANN401
        data = body if isinstance(body, bytes) else json.dumps(body)
        more.setdefault("content_type", "application/json")
        return self.client.post(API, data, headers={"authorization": f"Bearer {token}"}, **more)

    def test_create_without_csrf_token(self) -> None:
        self.client = HttpsClient(enforce_csrf_checks=True)
        response = self.post({"title": "Grüße", "text": "x"})
        self.assertEqual(response.status_code, 201)
        self.assertEqual(self.client.get(response["Location"]).json(), response.json())
        self.assertEqual(Post.objects.get().title, "Grüße")

    def test_wrong_or_absent_token(self) -> None:
        right = settings.API_TOKEN
        for header in (None, "", "Bearer", "Bearer wrong", f"Basic {right}", right, "Bearer \u00e9"):
            with self.subTest(header=header):
                headers = {} if header is None else {"authorization": header}
                response = self.client.post(API, "{}", content_type="application/json", headers=headers)
                self.assertEqual(response.status_code, 401)
                self.assertEqual(response["WWW-Authenticate"], 'Bearer realm="board"')
        self.assertFalse(Post.objects.exists())

    def test_wrong_content_type(self) -> None:
        for content_type in ("text/plain", "application/x-www-form-urlencoded"):
            self.assertEqual(self.post(b"{}", content_type=content_type).status_code, 415)
        response = self.post({"title": "x", "text": "x"}, content_type="application/json; charset=utf-8")
        self.assertEqual(response.status_code, 201)

    def test_bodies_that_are_no_post(self) -> None:
        half_a_pair = b'{"title": "\\ud800", "text": "x"}'
        for body in (b"{", b"\xff", b" ", half_a_pair, b"[" * 100_000, [], "text", None):
            with self.subTest(body=str(body)[:30]):
                response = self.post(body)
                self.assertEqual(response.status_code, 400)
                self.assertIn("error", response.json())

    def test_errors_are_named_by_field(self) -> None:
        cases = {
            "missing": {"title": "x"},
            "empty": {"title": "x", "text": " "},
            "wrong type": {"title": "x", "text": 1},
            "NUL": {"title": "x", "text": "a\0b"},
            "too long": {"title": "x", "text": "x" * 10_001},
        }
        for name, body in cases.items():
            with self.subTest(name):
                response = self.post(body)
                self.assertEqual(response.status_code, 400)
                self.assertEqual(list(response.json()["fields"]), ["text"])

    def test_too_large_a_body(self) -> None:
        self.assertEqual(self.post(b" " * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)).status_code, 413)

    def test_other_methods(self) -> None:
        response = self.client.delete(API)
        self.assertEqual((response.status_code, response["Allow"]), (405, "GET, HEAD, POST"))
