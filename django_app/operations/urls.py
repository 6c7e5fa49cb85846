from django.urls import path

from operations import views

app_name = "operations"

# Without a slash at the end, as monitors ask for them: no request here is ever redirected.
urlpatterns = [
    path("stack", views.stack, name="stack"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("version", views.version, name="version"),
]
