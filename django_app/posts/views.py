from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from posts.forms import PostForm
from posts.models import Post

POSTS_ON_A_PAGE = 12
SEARCH_MAX_LENGTH = 100


@require_safe
def post_list(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip()[:SEARCH_MAX_LENGTH]
    paginator = Paginator(Post.objects.search(query), POSTS_ON_A_PAGE)
    page = paginator.get_page(request.GET.get("page"))
    pages = paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
    return render(request, "posts/list.html", {"page": page, "pages": pages, "query": query})


@require_safe
def post_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return render(request, "posts/detail.html", {"post": get_object_or_404(Post, pk=pk)})


@require_http_methods(["GET", "HEAD", "POST"])
def post_create(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "posts/create.html", {"form": PostForm()})
    form = PostForm(request.POST, request.FILES)
    if not form.is_valid():
        return render(request, "posts/create.html", {"form": form}, status=422)
    post = form.save()
    messages.success(request, "Your post is on the board.")
    return redirect(post)
