from django.test import TestCase, override_settings


@override_settings(ALLOWED_HOSTS=["testserver"])
class GalleryTests(TestCase):
    def test_the_page_speaks_english(self):
        self.assertContains(self.client.get("/"), "There are no pictures yet.")
