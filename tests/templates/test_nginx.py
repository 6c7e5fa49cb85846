"""Branches of the role nginx that need no host."""

from __future__ import annotations

import datetime
import functools
import json
import re
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

sys.path.insert(0, str(Path(__file__).parent))
from render import SYSTEMS, evaluate, render

BOARD = {
    "name": "board",
    "domains": ["board.test"],
    "upstream_socket": "/srv/board/live/uwsgi.sock",
    "static_root": "/srv/board/live/release/static",
}


def site_conf(site: dict, system: str = "Debian_13", **variables) -> str:
    (complete,) = evaluate("nginx", "nginx_sites | django_ec2.site.nginx_completed_sites", nginx_sites=[site])
    return render("nginx", "site.conf.j2", system, nginx_sites=[site], site=complete, **variables)


nginx_conf = functools.partial(render, "nginx", "nginx.conf.j2")


def balanced(text: str) -> bool:
    """Braces of nginx's blocks; those of quoted regular expressions do not count."""
    text = re.sub(r'"[^"\n]*"|\'[^\n]*\'', "", re.sub(r"#.*", "", text))
    return text.count("{") == text.count("}")


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("mode", ["project_ca", "files", "none"])
@pytest.mark.parametrize("sites", [[], [BOARD], [BOARD, {**BOARD, "name": "shop", "domains": ["*.shop.test"]}]])
def test_braces_are_balanced(system, mode, sites):
    assert balanced(nginx_conf(system, nginx_tls_mode=mode, nginx_sites=sites))
    for site in sites:
        assert balanced(site_conf(site, system, nginx_tls_mode=mode))


def test_the_key_exchange_is_post_quantum_where_openssl_has_it():
    for system in ("Debian_13", "Ubuntu_26.04"):
        assert "ssl_ecdh_curve X25519MLKEM768:X25519:prime256v1:secp384r1;" in nginx_conf(system)
    # nginx would not start with a group that its OpenSSL does not know.
    for system in ("Debian_12", "Ubuntu_24.04"):
        assert "ssl_ecdh_curve X25519:prime256v1:secp384r1;" in nginx_conf(system)
    assert "ssl_ecdh_curve X25519;" in nginx_conf("Debian_13", nginx_tls_groups=["X25519"])


ACME = {**BOARD, "certificate_provider": "acme", "redirect_domains": ["www.board.test"]}


def test_a_site_by_acme_answers_the_challenge_and_its_certificate_is_named_on_the_host():
    http, _, https = site_conf(ACME, nginx_acme_peers=["10.0.0.7"]).partition("listen 443 ssl;")
    assert "/.well-known/acme-challenge/" in http.replace("\\", "")
    assert "try_files $uri @acme_peers;" in http
    assert http.index("if ($nginx_certificate_pending)") < http.index("return 308")
    assert https.count("include /etc/nginx/acme/board.conf;") == 2
    assert "ssl_certificate" not in https
    assert "try_files $uri =404;" in site_conf(ACME).partition("listen 443 ssl;")[0]
    assert "acme" not in site_conf(BOARD)
    text = nginx_conf("Debian_13", nginx_sites=[ACME], nginx_acme_peers=["10.0.0.7", "2001:db8::7"])
    assert "server 10.0.0.7:80 max_fails=0;" in text
    assert "server [2001:db8::7]:80 max_fails=0;" in text
    assert text.index("include /etc/nginx/acme/pending.conf;") < text.index("include /etc/nginx/sites-enabled/")
    assert "acme" not in nginx_conf("Debian_13", nginx_sites=[BOARD])


def test_http2_is_said_as_each_nginx_wants_it():
    for system in ("Debian_13", "Ubuntu_26.04"):
        assert "http2 on;" in nginx_conf(system)
        assert "listen 443 ssl;" in site_conf(BOARD, system)
    for system in ("Debian_12", "Ubuntu_24.04"):
        assert "http2 on;" not in nginx_conf(system)
        assert "listen 443 ssl http2;" in site_conf(BOARD, system)
    for system in SYSTEMS:
        assert "http2" not in nginx_conf(system, nginx_http2=False) + site_conf(BOARD, system, nginx_http2=False)


def test_ipv6_can_be_left_out():
    assert "listen [::]:443 ssl;" in site_conf(BOARD)
    assert "[::]" not in nginx_conf(nginx_ipv6=False) + site_conf(BOARD, nginx_ipv6=False)


def test_without_tls_the_balancer_alone_says_https():
    text = nginx_conf(nginx_tls_mode="none", nginx_trusted_proxies=["10.0.0.0/16"], nginx_sites=[BOARD])
    assert 'map "$nginx_trusted_proxy:$http_x_forwarded_proto" $nginx_https' in text
    assert "10.0.0.0/16 1;" in text
    assert "set_real_ip_from 10.0.0.0/16;" in text
    site = site_conf({**BOARD, "redirect_domains": ["www.board.test"]}, nginx_tls_mode="none")
    assert "ssl" not in text.replace("$ssl_protocol", "").replace("ssl_protocol", "") + site
    assert "listen 80;" in site
    assert "443" not in text + site


def test_without_static_root_the_application_answers():
    site = site_conf({key: value for key, value in BOARD.items() if key != "static_root"})
    assert "static" not in site
    assert "@static_kept" not in site_conf(BOARD)
    assert "try_files /kept/$static_file =404;" in site_conf({**BOARD, "static_kept_root": "/kept"})


def test_where_only_root_writes_nobody_looks_for_links():
    """22 us of a small file; the files that an application may write keep it, and those of a release without public ones."""
    site = site_conf({**BOARD, "static_public_root": "/public", "static_kept_root": "/kept"})
    public, release = re.search(
        r"location ~ [^\n]*static_file.*?\n    }.*?location @static_release {.*?\n    }", site, re.S
    )[0].split("location @static_release")
    assert "alias /public/$static_file;" in public
    assert "error_page 301 403 404 = @static_release;" in public
    assert "disable_symlinks" not in public
    assert "disable_symlinks if_not_owner from=/srv/board/live/release/static;" in release
    assert "try_files /srv/board/live/release/static/$static_file @static_kept;" in release
    assert "try_files /srv/board/live/release/static/$static_file =404;" in site_conf(
        {**BOARD, "static_public_root": "/p"}
    )
    assert "disable_symlinks if_not_owner from=/srv/board/live/release/static;" in site_conf(BOARD)


def test_nothing_outlives_the_switch_of_a_release():
    assert "open_file_cache " not in re.sub(r"#.*", "", nginx_conf() + site_conf(BOARD))


def test_one_address_has_generous_limits_that_can_be_taken_away():
    text = nginx_conf()
    assert "limit_conn addresses 500;" in text
    assert "limit_conn uploaders 100;" in text
    assert "limit_conn addresses 5;" in nginx_conf(nginx_connections_per_address=5)
    assert "zone=" not in nginx_conf(nginx_connections_per_address=0, nginx_uploads_per_address=0)
    # All visitors would be the load balancer.
    assert "zone=" not in nginx_conf(nginx_tls_mode="none")
    assert "zone=" in nginx_conf(nginx_tls_mode="none", nginx_trusted_proxies=["10.0.0.0/16"])


@pytest.mark.parametrize("length", [1, 110, 118, 119, 174, 246, 250, 253])
def test_a_bucket_holds_the_longest_name(length):
    """nginx: a pointer, the length in two bytes, the name, aligned to eight; and a pointer at the bucket's end."""
    label = "a" * 50 + "."
    name = (label * 6)[: length - 1] + "a"
    text = nginx_conf(
        nginx_sites=[{**BOARD, "domains": ["short.test"], "redirect_domains": [name], "hsts": "max-age=9"}]
    )
    (names,) = re.findall(r"server_names_hash_bucket_size (\d+);", text)
    (maps,) = re.findall(r" map_hash_bucket_size (\d+);", text)
    assert names == maps
    assert int(names) >= 8 + -(-(2 + len(f"on:{name}")) // 8) * 8 + 8
    assert int(names) in (128, 256, 512)


def test_many_names_get_more_buckets():
    sites = [{**BOARD, "domains": [f"tenant{number}.test" for number in range(3000)]}]
    assert "server_names_hash_max_size 16384;" in nginx_conf(nginx_sites=sites)
    assert "server_names_hash_max_size 2048;" in nginx_conf(nginx_sites=[BOARD]) + nginx_conf()


def test_what_nginx_takes_of_a_head_fits_into_the_servers_buffer():
    number, size = map(int, re.search(r"large_client_header_buffers (\d+) (\d+);", nginx_conf()).groups())
    instance = {"name": "x", "processes": 1, "threads": 1, "harakiri": 60, "settings": {}}
    packet = int(re.search(r"buffer-size = (\d+)", render("uwsgi", "uwsgi.ini.j2", instance=instance))[1])
    # The URL twice, each header with HTTP_ and two lengths; nginx's first buffer of 1 KB, and its own parameters in 2 KB.
    headers = number * size + 1024 - size
    assert 2 * size + headers * 1.5 + 2048 <= packet <= 65535


def test_one_value_of_hsts_in_every_answer():
    site = {**BOARD, "redirect_domains": ["www.board.test"], "media_root": "/srv/m", "static_kept_root": "/srv/k"}
    secure = {**site, "hsts": "max-age=9; includeSubDomains"}
    text = nginx_conf(nginx_sites=[secure])
    for name in ("board.test", "www.board.test"):
        assert f'"on:{name}" "max-age=9; includeSubDomains";' in text
    conf = site_conf(secure)
    header = "add_header Strict-Transport-Security $nginx_hsts always;"
    # nginx takes no header over into a location that has its own: the pages, both kinds of redirects, and three locations of files.
    assert conf.count(header) == 6
    assert "uwsgi_hide_header Strict-Transport-Security;" in conf
    assert header in render("nginx", "unavailable.conf.j2", nginx_sites=[secure])
    for text in (
        nginx_conf(nginx_sites=[site]),
        site_conf(site),
        render("nginx", "unavailable.conf.j2", nginx_sites=[site]),
    ):
        assert "hsts" not in text
        assert "Strict" not in text


def test_a_stream_is_sent_on_as_it_comes():
    conf = site_conf({**BOARD, "locations": {"/events/": {"buffering": False}, "/live": {"buffering": False}}})
    for location in ('location ~ "^/events/" {', "location = /live {"):
        block = conf.partition(location)[2].partition("\n    }")[0]
        assert "uwsgi_buffering off;" in block
        assert "uwsgi_pass unix:/srv/board/live/uwsgi.sock;" in block
    assert conf.count("uwsgi_buffering off;") == 2
    whole = site_conf({**BOARD, "locations": {"/": {"buffering": False}}})
    assert whole.count("location / {") == site_conf(BOARD).count("location / {")
    assert "uwsgi_buffering off;" in whole


def test_what_is_said_of_a_path_holds_until_a_longer_one_says_something_else():
    given = {
        "/up/": {"max_body_size": "1g"},
        "/up/live/": {"buffering": False},
        "/up/live/small": {"max_body_size": "1k"},
    }
    conf = site_conf({**BOARD, "locations": given})
    starts = ["location = /up/live/small {", 'location ~ "^/up/live/" {', 'location ~ "^/up/" {']
    small, live, whole = (conf.partition(start)[2].partition("\n    }")[0] for start in starts)
    assert "client_max_body_size 1k;" in small
    assert "client_max_body_size 1g;" in live
    assert "uwsgi_buffering off;" in small
    assert "uwsgi_buffering off;" in live
    assert "uwsgi_buffering" not in whole
    # Of several patterns that fit nginx takes the first.
    assert conf.index(starts[1]) < conf.index(starts[2])


LIMITED = {**BOARD, "login_paths": ["/login/"], "locations": {"/api/": {"rate": "10/s", "methods": ["POST"]}}}


def test_one_address_has_a_limit_at_logins_and_where_the_site_says():
    conf = site_conf(LIMITED)
    api, login = re.findall(r"map .*? \$nginx_limit_\w+ {.*?}", conf, re.S)
    assert '"~^(POST):/login/" "0:$binary_remote_addr";' in login
    assert '"~^(POST):/api/" "1:$binary_remote_addr";' in api
    assert '"~^(POST):/api/" "";' in login
    assert "zone=board_0:1m rate=10r/s;" in conf
    assert "zone=board_1:1m rate=30r/m;" in conf
    assert "limit_req zone=board_0 burst=20 nodelay;" in conf
    assert "limit_req zone=board_1 burst=60 nodelay;" in conf
    assert "limit_req_status 429;" in nginx_conf()


def test_limits_can_be_taken_away():
    assert "limit_req" not in site_conf({**LIMITED, "locations": {}}, nginx_login_rate="")
    assert "limit_req" not in site_conf({**LIMITED, "locations": {"/login/": {"rate": "none"}}})
    # All visitors would be the load balancer.
    assert "limit_req" not in site_conf(LIMITED, nginx_tls_mode="none")
    assert "limit_req" in site_conf(LIMITED, nginx_tls_mode="none", nginx_trusted_proxies=["10.0.0.0/16"])
    assert '203.0.113.0/24 "-";' in nginx_conf(nginx_limits_allow=["203.0.113.0/24"])


def test_a_limit_of_everything_does_not_count_files():
    conf = site_conf({**BOARD, "locations": {"/": {"rate": "9/s"}, "/free/": {"rate": "none"}}})
    (counted,) = re.findall(r"map .*? \$nginx_limit_\w+ {(.*?)}", conf, re.S)
    assert [re.sub(r'"~|"', "", line).split()[0] for line in counted.strip().splitlines()[1:]] == [
        "^[A-Z]+:/static/", "^[A-Z]+:/free/", "^[A-Z]+:/",
    ]  # fmt: skip
    assert counted.count("$binary_remote_addr") == 1


def test_each_page_is_there_for_people_and_for_machines():
    pages = evaluate("nginx", "__nginx_pages | dict2items | map('django_ec2.site.nginx_page_files') | flatten")
    kinds = ("unavailable", "maintenance", "limited")
    assert {one["path"] for one in pages} == {
        f"/etc/nginx/pages/{kind}.{type}" for kind in kinds for type in ("html", "json")
    }
    for one in pages:
        if "content" in one:
            assert set(json.loads(one["content"])) == {"error", "message"}
        else:
            assert render("nginx", "page.html.j2", **one["vars"]).count(one["vars"]["page"]["title"]) == 2


def test_limits_that_are_none_are_refused():
    problems = "nginx_login_rate | django_ec2.site.nginx_limit_problems(nginx_login_burst, nginx_limits_allow)"
    assert evaluate("nginx", problems) == []
    wrong = {"nginx_login_rate": "30", "nginx_login_burst": "x", "nginx_limits_allow": ["10.0.0.1/8"]}
    assert len(evaluate("nginx", problems, **wrong)) == 3


HTTP3 = "nginx_http3 | django_ec2.site.nginx_http3_problems(__nginx_system, nginx_tls_protocols, nginx_tls_mode)"


def test_http3_is_offered_where_nginx_has_it():
    text, site = nginx_conf("Debian_13", nginx_http3=True), site_conf(BOARD, nginx_http3=True)
    assert text.count("quic reuseport default_server;") == 2
    assert """on 'h3=":443"; ma=86400';""" in text
    assert site.count("listen 443 quic;") == 1
    assert "add_header Alt-Svc $nginx_alt_svc always;" in site
    assert "quic" not in nginx_conf() + site_conf(BOARD)
    assert evaluate("nginx", HTTP3, "Debian_13", nginx_http3=True) == []
    assert evaluate("nginx", HTTP3, "Debian_12") == []
    (problem,) = evaluate("nginx", HTTP3, "Debian_12", nginx_http3=True)
    assert "this system has 1.22: leave nginx_http3 out for its hosts, or move them to Debian 13" in problem
    assert "add it" in evaluate("nginx", HTTP3, nginx_http3=True, nginx_tls_protocols=["TLSv1.2"])[0]
    assert "load balancer" in evaluate("nginx", HTTP3, nginx_http3=True, nginx_tls_mode="none")[0]


def test_redirects_error_pages_and_files_have_the_headers_too():
    conf = site_conf({**BOARD, "redirect_domains": ["www.board.test"], "media_root": "/srv/m"})
    # Plain HTTP, the redirect, the pages, static files and media files; and the error pages.
    assert conf.count("add_header Permissions-Policy $nginx_default_permissions_policy always;") == 5
    assert "add_header Permissions-Policy" in render("nginx", "unavailable.conf.j2")
    for block in (conf, render("nginx", "unavailable.conf.j2")):
        for location in re.split(r"location|server {", block):
            names = re.findall(r"add_header (\S+)", location)
            assert len(names) == len(set(names)), location


def test_a_load_balancer_asks_a_wildcard_site_for_one_name():
    text = nginx_conf(nginx_sites=[{**BOARD, "domains": ["*.board.test"]}], nginx_health_path="/readyz")
    assert "uwsgi_param HTTP_HOST www.board.test;" in text


def test_brotli_needs_its_packages():
    assert "brotli" in nginx_conf()
    assert "brotli" not in nginx_conf(nginx_packages=["nginx"]) + site_conf(BOARD, nginx_packages=["nginx"])


@pytest.mark.parametrize(
    ("triggers", "variables", "expected"),
    [
        (["unit", "reload"], {}, False),
        (["unit"], {"nginx_restart_on_unit_change": True}, True),
        (["reload"], {"nginx_restart_on_unit_change": True}, False),
        # Nobody visits one that was installed in this run.
        (["unit"], {"base_installed_packages": ["curl", "nginx"]}, True),
        (["unit"], {"base_installed_packages": ["curl"]}, False),
    ],
)
def test_new_settings_of_the_unit_end_no_request(triggers, variables, expected):
    found = evaluate("nginx", "__nginx_restarts | bool", __nginx_configured={"triggers": triggers}, **variables)
    assert found is expected


def test_unit_has_the_last_word_of_the_user():
    text = render("nginx", "service.conf.j2", nginx_service_settings={"ProtectHome": "read-only"})
    assert text.index("ProtectHome=true") < text.index("ProtectHome=read-only")
    assert "LimitNOFILE=12288" in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"domains": []}, "domains is empty"),
        ({"domains": ["a b"]}, "'a b' is no domain"),
        ({"domains": ["*.a.test"], "redirect_domains": ["b.test"]}, "without \\*"),
        ({"name": "a/b"}, "letters, digits"),
        ({"upstream_socket": "srv/x"}, "absolute path"),
        ({"static_root": "/srv/a;b"}, "absolute path"),
        ({"static_root": "", "static_kept_root": "/srv/x"}, "set static_root"),
        ({"static_root": "", "static_public_root": "/srv/x"}, "set static_root"),
        ({"static_url": "static/"}, "begin and end with a slash"),
        ({"static_url": "/"}, "begin and end with a slash"),
        ({"media_url": "/static/media/"}, "lie in each other"),
        ({"max_body_size": "10 MB"}, "max_body_size"),
        ({"locations": {"events": {}}}, "must be a path such as /events/"),
        ({"locations": {"/static/live/": {}}}, "lies below static_url"),
        ({"locations": {"/a/": {"rat": "1/s"}}}, "there is no option 'rat'"),
        ({"locations": {"/a/": {"rate": "10"}}}, "must be such as 10/s or 30/m, or none"),
        ({"locations": {"/a/": {"max_body_size": "1 GB"}}}, "must be a size such as 200m"),
        ({"locations": {"/a/": {"methods": ["post"]}}}, "no method such as POST"),
        ({"login_paths": ["login"]}, "must be a path such as /login/"),
        ({"hsts": "31536000"}, "must be a header such as 'max-age=31536000"),
        ({"redirect_domains": ["BOARD.test"]}, "listed twice"),
        ({"maintenance_allow": ["10.0.0.1/8"]}, "maintenance_allow: .* Write a network"),
        ({"maintenance_page": "../x.html"}, "must be a page below static_root"),
        ({"maintenance_page": "x.html", "static_root": ""}, "set static_root"),
    ],
)
def test_settings_that_cannot_work_are_refused(change, message):
    problems = evaluate("nginx", "nginx_sites | django_ec2.site.nginx_site_problems", nginx_sites=[{**BOARD, **change}])
    assert re.search(message, "\n".join(problems)), problems
    assert evaluate("nginx", "nginx_sites | django_ec2.site.nginx_site_problems", nginx_sites=[BOARD]) == []


def test_two_sites_that_nginx_could_not_tell_apart_are_refused():
    sites = [{**BOARD, "name": name, "domains": [f"{name}.test"]} for name in ("my-shop", "my_shop")]
    (problem,) = evaluate("nginx", "nginx_sites | django_ec2.site.nginx_site_problems", nginx_sites=sites)
    assert "are both my_shop to nginx" in problem


def test_a_maintenance_takes_the_place_of_each_answer_of_the_application():
    site = {**BOARD, "locations": {"/events/": {"buffering": False}}, "maintenance_allow": ["203.0.113.0/24"]}
    looked = 'if (-f "/var/lib/nginx-maintenance/board$nginx_let_in_board")'
    conf = site_conf(site)
    assert conf.count(looked) == conf.count("uwsgi_pass ") == 2
    assert "203.0.113.0/24 .let-in;" in conf.partition("server {")[0]
    declared = site_conf({**site, "maintenance": True})
    assert "/var/lib" not in declared
    assert declared.count('if ($nginx_let_in_board = "")') == 2
    assert "error_page 503" not in conf
    own = site_conf({**site, "maintenance_page": "shop/closed.html"})
    assert "try_files /srv/board/live/release/static/shop/closed.html /_nginx_unavailable/maintenance.html;" in own
    assert own.index("error_page 503") < own.index("include /etc/nginx/snippets/unavailable.conf;")
    assert "project.html" in nginx_conf(nginx_sites=[{**site, "maintenance_page": "shop/closed.html"}])


def test_a_host_is_told_of_maintenance_only_where_it_knows_another_word():
    """A run that read the facts before somebody began a maintenance would end it otherwise."""
    told = "__nginx_maintenance != __nginx_maintenance_known"
    known = {"board": {"on": True, "at": 5, "by": "anna"}}
    same = {"nginx_sites": [BOARD], "nginx_maintenance": known, "ansible_local": {"maintenance": known}}
    assert evaluate("nginx", told, **same) is False
    assert evaluate("nginx", told, **{**same, "ansible_local": {}}) is True
    assert evaluate("nginx", told, **{**same, "nginx_maintenance": {}}) is True
    assert [one["path"] for one in evaluate("nginx", "__nginx_maintenance_files", **same)] == [
        "/var/lib/nginx-maintenance/board",
        "/etc/ansible/facts.d/maintenance.fact",
    ]


def test_networks_are_checked():
    assert evaluate("nginx", "['10.0.0.0/16', '::1/128'] | django_ec2.site.nginx_proxy_problems") == []
    assert evaluate("nginx", "['10.0.0.1/16'] | django_ec2.site.nginx_proxy_problems") != []


def bring(*names: str) -> tuple[str, str]:
    """A certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), key.private_bytes(*form).decode()


def problems_of(certificate: str, key: str, *names: str) -> str:
    return "\n".join(
        evaluate(
            "nginx",
            "cert | django_ec2.site.nginx_certificate_problems(key, names)",
            cert=certificate,
            key=key,
            names=list(names),
        )
    )


def test_own_certificate_is_checked():
    certificate, key = bring("*.test", "a.example.org")
    assert problems_of(certificate, key, "www.test", "A.example.org") == ""
    assert "lacks b.example.org" in problems_of(certificate, key, "b.example.org")
    assert "lacks deep.www.test" in problems_of(certificate, key, "deep.www.test")
    assert "does not belong" in problems_of(certificate, bring("a")[1], "www.test")
    assert "no certificate in PEM" in problems_of("nonsense", key)
    assert "no private key in PEM" in problems_of(certificate, "nonsense")


def test_a_file_of_somebody_else_takes_no_name_of_a_site() -> None:
    text = nginx_conf()
    assert 0 < text.index("include /etc/nginx/sites-enabled/*.conf;") < text.index("include /etc/nginx/conf.d/*.conf;")


def test_headers_that_the_application_leaves_out():
    text = render(
        "nginx",
        "nginx.conf.j2",
        nginx_default_headers={"Permissions-Policy": 'usb=(self "https://a.test")', "X-Other": ""},
    )
    assert "map $upstream_http_permissions_policy $nginx_default_permissions_policy {" in text
    assert '"" "usb=(self \\"https://a.test\\")";' in text
    assert "x_other" not in text


def test_headers_that_are_none_are_refused():
    problems = "nginx_default_headers | django_ec2.site.nginx_header_problems"
    assert evaluate("nginx", problems) == []
    assert evaluate("nginx", problems, nginx_default_headers={"Referrer-Policy": ""}) == []
    for headers in (
        {"Referrer Policy": "x"},
        {"Referrer-Policy": "a\nb"},
        {"Referrer-Policy": "$host"},
        {"Referrer-Policy": 1},
    ):
        assert len(evaluate("nginx", problems, nginx_default_headers=headers)) == 1
