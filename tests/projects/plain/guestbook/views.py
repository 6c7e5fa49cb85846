from django.views.generic import CreateView

from .models import Entry


class GuestbookView(CreateView):
    model = Entry
    fields = ("name", "message")
    success_url = "/"
    template_name = "guestbook/index.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(entries=Entry.objects.all(), **kwargs)
