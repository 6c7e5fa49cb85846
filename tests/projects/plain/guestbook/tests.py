from django.test import TestCase


class GuestbookTests(TestCase):
    def test_an_entry_is_shown(self):
        self.client.post("/", {"name": "Ada", "message": "Good morning"})
        self.assertContains(self.client.get("/"), "Good morning")
