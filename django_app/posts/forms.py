from django import forms
from django.conf import settings
from django.template.defaultfilters import filesizeformat

from posts.fields import PictureField
from posts.models import Post


class PostForm(forms.ModelForm):
    picture = PictureField(required=False)

    class Meta:
        model = Post
        fields = ["title", "text", "picture", "picture_description"]
        widgets = {
            "title": forms.TextInput(attrs={"autocomplete": "off"}),
            "text": forms.Textarea(attrs={"rows": 8}),
        }

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        limit = filesizeformat(settings.PICTURE_MAX_BYTES)
        self.fields["picture"].help_text = f"JPEG, PNG, GIF or WebP, at most {limit}."


class PostTextForm(forms.ModelForm):
    """What the API accepts."""

    class Meta:
        model = Post
        fields = ["title", "text"]
