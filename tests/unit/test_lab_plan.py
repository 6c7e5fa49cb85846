"""What bringing a lab up does to its hosts: which are made, woken, removed, kept, and where this machine's port leads."""

from __future__ import annotations

import pytest

from lab.core import plan
from lab.core.model import Host, Machine, machine
from lab.core.settings import LabError

LAB, RDS = "/project/inventory/lab", "/project/inventory/lab-rds"


def host(name: str, *groups: str, kind: str = "debian", suite: str = "trixie") -> Host:
    return Host(name, suite, groups, kind)


def there(name: str, *, kind: str = "debian", running: bool = True, port: str = "") -> Machine:
    return Machine(name, f"lab-{name}", "trixie", kind, "10.90.7.11", running, port, "/project")


WEB1, WEB2, DB1 = host("web1", "web"), host("web2", "web"), host("db1", "database")
RDS1 = host("rds1", "rds", kind="rds")


def names(found: list[Host] | list[Machine]) -> list[str]:
    return [one.name for one in found]


def test_on_a_machine_without_a_lab_all_are_made_and_the_first_web_host_gets_the_port() -> None:
    todo = plan.decide([DB1, WEB1, WEB2], [], {}, LAB)
    assert names(todo.create) == ["db1", "web1", "web2"]
    assert (todo.publish, todo.front) == ("web1", "web1")
    assert not todo.wake + todo.remove + todo.keep


def test_a_balancer_gets_the_port_before_a_web_host() -> None:
    assert plan.decide([host("lb1", "balancer"), WEB1], [], {}, LAB).publish == "lb1"
    assert plan.decide([DB1], [], {}, LAB).publish == ""


def test_nothing_is_to_be_done_where_all_run() -> None:
    todo = plan.decide([WEB1, DB1], [there("web1", port="8443"), there("db1")], {"web1": LAB, "db1": LAB}, LAB)
    assert todo == plan.Plan(front="web1")


def test_a_host_that_stopped_is_woken_and_not_made_again() -> None:
    todo = plan.decide([WEB1], [there("web1", running=False)], {"web1": LAB}, LAB)
    assert (names(todo.wake), todo.create) == (["web1"], [])


def test_a_new_host_is_made_and_the_port_stays_where_it_is() -> None:
    """web0 is the first by name, but a port is given to a container when it is made."""
    todo = plan.decide([host("web0", "web"), WEB1], [there("web1", port="8443")], {"web1": LAB}, LAB)
    assert names(todo.create) == ["web0"]
    assert (todo.publish, todo.front) == ("", "web1")


def test_a_host_that_was_taken_out_of_the_inventory_is_removed() -> None:
    todo = plan.decide([WEB1], [there("web1"), there("web2")], {"web1": LAB, "web2": LAB}, LAB)
    assert (names(todo.remove), todo.keep) == (["web2"], [])


def test_the_host_with_the_port_gives_it_to_a_new_one_or_to_none() -> None:
    running = [there("web1", port="8443"), there("web2")]
    listed = {"web1": LAB, "web2": LAB}
    todo = plan.decide([WEB2], running, listed, LAB)
    assert (names(todo.remove), todo.publish, todo.front) == (["web1"], "", "")
    todo = plan.decide([WEB2, host("web3", "web")], running, listed, LAB)
    assert (todo.publish, todo.front) == ("web3", "web3")


def test_another_inventory_removes_nobody() -> None:
    """LAB=lab-rds over LAB=lab: db1 keeps the data until site.yml has moved it."""
    todo = plan.decide(
        [WEB1, WEB2, RDS1],
        [there("db1"), there("web1"), there("web2")],
        dict.fromkeys(["db1", "web1", "web2"], LAB),
        RDS,
    )
    assert (names(todo.create), todo.remove, names(todo.keep)) == (["rds1"], [], ["db1"])


def test_a_host_of_the_former_inventory_stays_on_the_second_run_too() -> None:
    """The first may have failed before site.yml had moved anything."""
    running = [there("db1"), there("rds1", kind="rds"), there("web1"), there("web2")]
    listed = {"db1": LAB, "rds1": RDS, "web1": RDS, "web2": RDS}
    todo = plan.decide([WEB1, WEB2, RDS1], running, listed, RDS)
    assert (todo.create, todo.remove, names(todo.keep)) == ([], [], ["db1"])


def test_and_so_it_is_on_the_way_back() -> None:
    running = [there("db1"), there("rds1", kind="rds"), there("web1"), there("web2")]
    listed = {"db1": LAB, "rds1": RDS, "web1": RDS, "web2": RDS}
    todo = plan.decide([DB1, WEB1, WEB2], running, listed, LAB)
    assert (todo.create, todo.remove, names(todo.keep)) == ([], [], ["rds1"])


def test_after_a_change_of_inventory_the_new_one_removes_what_is_taken_out_of_it() -> None:
    running = [there("db1"), there("rds1", kind="rds"), there("web1"), there("web2")]
    listed = {"db1": LAB, "rds1": RDS, "web1": RDS, "web2": RDS}
    todo = plan.decide([WEB1, RDS1], running, listed, RDS)
    assert (names(todo.remove), names(todo.keep)) == (["web2"], ["db1"])


def test_a_host_of_which_nothing_is_known_stays() -> None:
    """A lab that an earlier version made has no record."""
    todo = plan.decide([WEB1], [there("web1"), there("web2")], {}, LAB)
    assert (todo.remove, names(todo.keep)) == ([], ["web2"])


def test_a_part_of_the_inventory_says_nothing_about_the_others() -> None:
    todo = plan.decide([WEB1], [there("web2")], {"web2": LAB}, LAB, whole=False)
    assert (names(todo.create), todo.remove, todo.keep) == (["web1"], [], [])


def test_hosts_of_another_checkout_are_not_touched() -> None:
    plan.check_owner("lab", "/project", [there("web1")])
    with pytest.raises(
        LabError, match=r"a lab named 'lab' of /project runs .* LAB_NAME=, or run 'make down' in /project"
    ):
        plan.check_owner("lab", "/elsewhere", [there("web1")])


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (host("web1", "web", suite="bookworm"), "web1 runs trixie, not bookworm: run 'make down' first"),
        (host("web1", "web", kind="rds"), "web1 is of lab_kind debian, not rds: run 'make remove HOST=web1'"),
    ],
)
def test_what_a_host_cannot_become_is_refused(wanted: Host, message: str) -> None:
    plan.check_unchanged([WEB1], [there("web1")])
    with pytest.raises(LabError, match=message):
        plan.check_unchanged([wanted], [there("web1")])


def test_a_container_says_what_it_is() -> None:
    labels = {
        "lab.host": "rds1", "lab.suite": "trixie", "lab.address": "10.90.7.12", "lab.project": "/project",
        "lab.image": "localhost/lab-rds-trixie:123456789abc",
    }  # fmt: skip
    container = {"Names": ["lab-rds1"], "State": "exited", "Labels": labels}
    # Without lab.kind: an earlier version made it.
    assert machine(container) == Machine("rds1", "lab-rds1", "trixie", "rds", "10.90.7.12", project="/project")
    of_now = {**labels, "lab.kind": "debian", "lab.port": "8443"}
    found = machine({"Names": ["lab-web1"], "State": "running", "Labels": of_now})
    assert (found.kind, found.running, found.port, found.shared) == ("debian", True, "8443", False)
    assert machine({**container, "Mounts": ["/etc/resolv.conf", "/mnt/applications"]}).shared
    older = {**labels, "lab.image": "localhost/lab-host-trixie:123456789abc"}
    assert machine({**container, "Labels": older}).kind == "debian"
