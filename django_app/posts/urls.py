from django.urls import path

from posts import api, views

app_name = "posts"

urlpatterns = [
    path("", views.post_list, name="list"),
    path("posts/new/", views.post_create, name="create"),
    path("posts/<int:pk>/", views.post_detail, name="detail"),
    path("api/posts/", api.collection, name="api-collection"),
    path("api/posts/<int:pk>/", api.item, name="api-item"),
]
