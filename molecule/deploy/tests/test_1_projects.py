"""Projects as they are found run without a change to their code."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from deploying import WEB, Visitor, history
from PIL import Image
from site_playbooks import on


@pytest.fixture(params=WEB)
def gallery(request: pytest.FixtureRequest) -> Visitor:
    """A visitor of the project with media, languages and an npm build."""
    return Visitor(request.param, "gallery.test")


def test_a_fresh_startproject_is_served_from_postgresql(any_visitor: Visitor) -> None:
    text = f"written on {any_visitor.host}"
    answer = any_visitor.submit("/", {"name": "visitor", "message": text})
    assert answer.status_code == 200
    assert text in answer.text
    # Both web hosts read the same database.
    assert all(text in Visitor(name, any_visitor.domain).get("/").text for name in WEB)


def test_its_development_settings_are_overruled(any_visitor: Visitor) -> None:
    missing = any_visitor.get("/no-such-page/")
    assert missing.status_code == 404
    assert "DEBUG" not in missing.text
    page = any_visitor.get("/admin/login/")
    cookie = page.headers["Set-Cookie"]
    assert "Secure" in cookie
    code = "from django.conf import settings as s; print(s.DEBUG, s.SECRET_KEY[:16], s.DATABASES['default']['ENGINE'], s.ALLOWED_HOSTS)"
    said = on(any_visitor.host).check_output(f'plain-manage shell --no-imports --command "{code}"').splitlines()[-1]
    assert said.startswith("False ")
    assert "insecure" not in said
    assert said.endswith("django.db.backends.postgresql ['plain.test']")


def test_its_static_files_have_hashed_names_and_come_from_nginx(any_visitor: Visitor) -> None:
    page = any_visitor.get("/").text
    path = re.search(r'"(/static/guestbook/guestbook\.[0-9a-f]{12}\.css)"', page)
    assert path, page
    answer = any_visitor.get(path[1])
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]


def test_two_languages_a_bundle_and_own_urls(gallery: Visitor) -> None:
    assert "Pictures" in gallery.get("/").text or "Gallery" in gallery.get("/").text
    german = gallery.get("/", headers={"Accept-Language": "de"}).text
    assert "Es gibt noch keine Bilder" in german or "Galerie" in german
    bundle = re.search(r'src="(/assets/[^"]*bundle[^"]*\.js)"', german)
    assert bundle, german
    answer = gallery.get(bundle[1])
    assert answer.status_code == 200
    assert len(answer.content) > 20


def test_a_picture_is_taken_and_served_by_nginx(gallery: Visitor) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((64, 48), 80).convert("RGB").save(buffer, "PNG")
    page = gallery.submit("/", {"title": "noise"}, {"file": ("noise.png", buffer.getvalue(), "image/png")})
    assert page.status_code == 200
    path = re.search(r'src="(/pictures/[^"]+)"', page.text)
    assert path, page.text[-2000:]
    answer = gallery.get(path[1])
    assert answer.content == buffer.getvalue()
    # Each web host has it, whichever one took it.
    for name in WEB:
        assert Visitor(name, "gallery.test").get(path[1]).content == buffer.getvalue(), name
        file = on(name).file(f"/mnt/applications/gallery/media/{path[1].removeprefix('/pictures/')}")
        assert file.user == "gallery"


def test_private_data_is_the_applications_alone(gallery: Visitor) -> None:
    host: Any = on(gallery.host)
    code = (
        "import os, pathlib; p = pathlib.Path(os.environ['DATA_ROOT'], 'letter.txt'); p.write_text('private'); print(p)"
    )
    path = host.check_output(f'gallery-manage shell --command "{code}"').splitlines()[-1]
    assert path == "/mnt/applications/gallery/data/letter.txt"
    # By way of a link that the application may make in its media, too: nginx is in its group.
    host.check_output(f"runuser -u gallery -- ln -sfn {path} /mnt/applications/gallery/media/letter.txt")
    for target in ("/pictures/letter.txt", "/pictures/../data/letter.txt", "/data/letter.txt"):
        assert "private" not in gallery.get(target).text
    assert host.run(f"runuser -u www-data -- cat {path}").rc != 0


def test_a_library_beside_a_project_is_one_of_its_packages() -> None:
    assert all(Visitor(name, "workshop.test").get("/").text == "hello from the library" for name in WEB)


def test_a_link_to_the_database_is_verified_though_the_settings_do_not_ask_for_it() -> None:
    host = on("web1")
    code = "from django.db import connection as c; c.ensure_connection(); print(c.connection.info.get_parameters()['sslmode'])"
    said = host.check_output(f'workshop-manage shell --no-imports --command "{code}"').splitlines()
    assert said[-1] == "verify-full"
    # What a release is asked before the switch, in an environment that asks for less. The owner's is read by no server.
    place = "/srv/workshop/live/environment-owner"
    host.check_output(f"cp -p {place} {place}.kept && sed -i 's/^PGSSLMODE=.*/PGSSLMODE=prefer/' {place}")
    try:
        asked = host.run("workshop-manage --owner --script release_gate.py prepare").stdout
    finally:
        host.check_output(f"mv {place}.kept {place}")
    assert "with sslmode 'prefer', so nobody proves who answers there" in asked
    assert "${database_sslmode}" in asked


def test_a_timer_runs_its_command_on_one_host(any_visitor: Visitor) -> None:
    host: Any = on(any_visitor.host)
    listed = host.check_output("systemctl list-timers --all --no-pager gallery-timer-report.timer")
    if any_visitor.host != WEB[0]:
        assert "gallery-timer-report" not in listed
        return
    assert "gallery-timer-report.service" in listed
    before = Visitor(any_visitor.host, "gallery.test").get("/reports/").json()["reports"]
    host.check_output("systemctl start gallery-timer-report.service")
    after = Visitor(any_visitor.host, "gallery.test").get("/reports/").json()["reports"]
    assert len(after) == len(before) + 1


@pytest.mark.parametrize("name", WEB)
def test_the_history_says_what_became_live(name: str) -> None:
    line = history(name)[0]
    assert (line["action"], line["from"]) == ("deploy", "")
    assert line["who"]
