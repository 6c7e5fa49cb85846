from django.contrib import admin

from posts.forms import PostForm
from posts.models import Post


@admin.register(Post)
class PostAdmin(admin.ModelAdmin):
    # The visitors' form, so that a picture is checked here as well.
    form = PostForm
    list_display = ["title", "created", "has_picture"]
    list_filter = ["created"]
    search_fields = ["title", "text"]
    date_hierarchy = "created"
    readonly_fields = ["created"]

    @admin.display(boolean=True, description="picture")
    def has_picture(self, post: Post) -> bool:
        return bool(post.picture)
