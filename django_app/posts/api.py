"""The board as JSON. Reading is open; writing takes a bearer token."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.paginator import EmptyPage, Page, PageNotAnInteger, Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt

from posts.forms import PostTextForm
from posts.models import Post
from posts.views import POSTS_ON_A_PAGE, SEARCH_MAX_LENGTH


class ApiError(Exception):
    def __init__(
        self, status: int, error: str, headers: dict[str, str] | None = None, **more: object
    ) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, **more}
        self.headers = headers


def api(*methods: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Marks a view that answers these methods, and whose refusals are JSON too."""

    def decorator(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        # Nothing here is decided by a cookie, so there is no session a foreign page could abuse.
        @csrf_exempt
        def wrapper(request: HttpRequest, **arguments: object) -> HttpResponse:
            try:
                if request.method not in methods:
                    raise ApiError(405, "Method not allowed.", {"Allow": ", ".join(methods)})
                return view(request, **arguments)
            except ApiError as error:
                return JsonResponse(error.body, status=error.status, headers=error.headers)

        return wrapper

    return decorator


@api("GET", "HEAD", "POST")
def collection(request: HttpRequest) -> HttpResponse:
    return _create(request) if request.method == "POST" else _list(request)


@api("GET", "HEAD")
def item(request: HttpRequest, pk: int) -> HttpResponse:
    post = Post.objects.filter(pk=pk).first()
    if post is None:
        raise ApiError(404, "No such post.")
    return JsonResponse(_as_json(request, post))


def _list(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip()[:SEARCH_MAX_LENGTH]
    paginator = Paginator(Post.objects.search(query), POSTS_ON_A_PAGE)
    try:
        page = paginator.page(request.GET.get("page", "1"))
    except PageNotAnInteger as error:
        raise ApiError(400, "page must be a whole number.") from error
    except EmptyPage as error:
        raise ApiError(404, "No such page.") from error
    return JsonResponse(
        {
            "count": paginator.count,
            "page": page.number,
            "pages": paginator.num_pages,
            "next": _page_url(request, page, query, page.number + 1),
            "previous": _page_url(request, page, query, page.number - 1),
            "results": [_as_json(request, post) for post in page],
        }
    )


def _create(request: HttpRequest) -> HttpResponse:
    _require_token(request)
    form = PostTextForm(_body(request))
    if not form.is_valid():
        raise ApiError(400, "The post is not valid.", fields=form.errors)
    post = form.save()
    location = reverse("posts:api-item", args=[post.pk])
    return JsonResponse(_as_json(request, post), status=201, headers={"Location": location})


def _require_token(request: HttpRequest) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    # Compared first, so that a wrong scheme takes as long as a wrong token.
    if not constant_time_compare(token.strip(), settings.API_TOKEN) or scheme.lower() != "bearer":
        raise ApiError(
            401,
            "A valid token is needed: Authorization: Bearer <token>.",
            {"WWW-Authenticate": 'Bearer realm="board"'},
        )


def _body(request: HttpRequest) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise ApiError(415, "Content-Type must be application/json.")
    try:
        body = json.loads(request.body)
        # JSON can spell half of a surrogate pair, which no database can store.
        json.dumps(body, ensure_ascii=False).encode()
    except RequestDataTooBig as error:
        raise ApiError(413, "The request is too large.") from error
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "The body is not valid JSON.") from error
    if not isinstance(body, dict):
        raise ApiError(400, "The body must be a JSON object.")
    wrong = {
        name: ["Must be a string."]
        for name in PostTextForm.Meta.fields
        if not isinstance(body.get(name, ""), str)
    }
    if wrong:
        raise ApiError(400, "The post is not valid.", fields=wrong)
    return body


def _as_json(request: HttpRequest, post: Post) -> dict[str, Any]:
    return {
        "id": post.pk,
        "title": post.title,
        "text": post.text,
        "created": post.created,
        "url": request.build_absolute_uri(post.get_absolute_url()),
        "picture": request.build_absolute_uri(post.picture.url) if post.picture else None,
        "picture_description": post.picture_description,
    }


def _page_url(request: HttpRequest, page: Page, query: str, number: int) -> str | None:
    if number not in page.paginator.page_range:
        return None
    parameters = {"q": query, "page": number} if query else {"page": number}
    return request.build_absolute_uri(f"{reverse('posts:api-collection')}?{urlencode(parameters)}")
