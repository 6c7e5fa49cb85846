"""The entry point that uWSGI's master loads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from render import render

PROJECT = {
    "settings.py": 'SECRET_KEY = "of a test"\nROOT_URLCONF = "addresses"\n',
    "addresses.py": "import views\nfrom django.urls import path\nurlpatterns = [path('', views.index)]\n",
    "views.py": "def index(request): ...\n",
    "entry.py": "import os\n\nos.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\n"
    "from django.core.wsgi import get_wsgi_application\n\napplication = get_wsgi_application()\n",
    "plain.py": "def application(environ, start_response): ...\n",
}
# Tells what a worker finds when it is forked.
AFTER = """
import json, sys
print(json.dumps([callable(application), "views" in sys.modules, gc.isenabled(), gc.get_freeze_count() > 0]))
"""


def loaded(directory: Path, wsgi_module: str, *flags: str) -> list[bool]:
    """Load the entry point: application there, views there, collector on, memory frozen."""
    for name, content in PROJECT.items():
        (directory / name).write_text(content)
    program = f"import sys\nsys.path.insert(0, {str(directory)!r})\n"
    program += render("uwsgi", "wsgi.py.j2", instance={"name": "shop", "wsgi_module": wsgi_module}) + AFTER
    done = subprocess.run([sys.executable, *flags, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_views_are_in_memory_before_the_workers_are_forked(tmp_path: Path) -> None:
    assert loaded(tmp_path, "entry") == [True, True, True, True]


def test_an_application_without_django_is_loaded_too(tmp_path: Path) -> None:
    # -S: no site-packages, so no Django.
    assert loaded(tmp_path, "plain", "-S") == [True, False, True, True]
