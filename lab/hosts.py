"""The lab's network and hosts: started, reached over SSH, removed without a trace."""

from __future__ import annotations

import fcntl
import ipaddress
import json
import shutil
import socket
import subprocess
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import rds
from lab.images import ensure_image, ensure_rds_image
from lab.podman import Podman, project_label, run
from lab.settings import PROJECT, SUITES, LabError, Settings

FIRST_ADDRESS = 11
BOOT_SECONDS = 90
REMOVAL_ATTEMPTS = 5
# Commands on the same lab take turns; booting a lab for the first time builds an image meanwhile.
LOCK_SECONDS = 300
# systemd in each host takes a few inotify instances; the kernel's 128 are used up by ten hosts.
INOTIFY_INSTANCES = 1024


@dataclass(frozen=True)
class Host:
    """One host of the lab, as the inventory describes it."""

    name: str
    suite: str
    groups: tuple[str, ...]
    # "rds" for a host that plays Amazon RDS (lab/rds/); all others are empty and wait for Ansible.
    kind: str = ""

    def container(self, settings: Settings) -> str:
        """The name of its container."""
        return f"{settings.name}-{self.name}"


def inventory_hosts(settings: Settings, limit: str = "all") -> list[Host]:
    """The hosts of the lab's inventory that live in a container (those without ``ansible_connection: local``)."""
    command = [str(PROJECT / ".venv/bin/ansible-inventory"), "-i", str(settings.inventory), "--list", "--limit", limit]
    listed = run(command, what=f"the inventory {settings.inventory} cannot be read")
    data = json.loads(listed.stdout)
    variables = data["_meta"]["hostvars"]
    members = {group: set(content.get("hosts", [])) for group, content in data.items() if group != "_meta"}
    names = sorted(set().union(*members.values()))
    hosts = []
    for name in names:
        host_vars = variables.get(name, {})
        if host_vars.get("ansible_connection") == "local":
            continue
        suite = host_vars.get("lab_suite") or settings.suite
        if suite not in SUITES:
            raise LabError(f"{name} asks for lab_suite={suite}: choose {' or '.join(SUITES)}.")
        groups = tuple(sorted(group for group, inside in members.items() if name in inside))
        hosts.append(Host(name=name, suite=suite, groups=groups, kind=host_vars.get("lab_kind") or ""))
    if not hosts:
        raise LabError(f"{settings.inventory} lists no host: add one, for example 'web1:' under the group web.")
    return hosts


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Let one command at a time change this lab."""
    settings.directory.mkdir(parents=True, mode=0o700, exist_ok=True)
    with (settings.directory.parent / f"{settings.name}.lock").open("w") as handle:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LabError(
                        f"another command works on the lab '{settings.name}': wait for it, or set LAB_NAME."
                    ) from None
                time.sleep(0.5)
        yield


def _used_networks(podman: Podman, own: str) -> list[ipaddress.IPv4Network]:
    routes = json.loads(run(["ip", "-json", "route"], what="the routes cannot be read").stdout or "[]")
    used = [
        ipaddress.IPv4Network(route["dst"])
        for route in routes
        if route["dst"] not in ("default", "0.0.0.0/0")
        and ":" not in route["dst"]
        and "unreachable" not in route.get("type", "")
    ]
    for network in podman.networks():
        if network["name"] != own:
            used += [
                ipaddress.IPv4Network(one["subnet"]) for one in network.get("subnets", []) if ":" not in one["subnet"]
            ]
    return used


def choose_subnet(settings: Settings, podman: Podman) -> ipaddress.IPv4Network:
    """A network that nothing else on this machine uses; the one asked for, or one derived from the lab's name."""
    used = _used_networks(podman, settings.name)
    if settings.subnet:
        taken = next((network for network in used if network.overlaps(settings.subnet)), None)
        if taken:
            raise LabError(f"LAB_SUBNET={settings.subnet} overlaps {taken}, which is in use: give another, or none.")
        return settings.subnet
    start = zlib.crc32(settings.name.encode()) % 200
    for step in range(200):
        candidate = ipaddress.IPv4Network(f"10.89.{20 + (start + step) % 200}.0/24")
        if not any(network.overlaps(candidate) for network in used):
            return candidate
    raise LabError("no free network in 10.89.20.0 to 10.89.219.0: give one with LAB_SUBNET=, such as 10.90.7.0/24.")


def ensure_network(settings: Settings, podman: Podman) -> ipaddress.IPv4Network:
    """The lab's network, made where it is missing."""
    mine = [one for one in podman.networks(f"name=^{settings.name}$") if one["name"] == settings.name]
    if mine:
        network = ipaddress.IPv4Network(mine[0]["subnets"][0]["subnet"])
        if settings.subnet and network != settings.subnet:
            raise LabError(
                f"the lab '{settings.name}' stands on {network}: run 'make down' before giving it {settings.subnet}."
            )
        return network
    network = choose_subnet(settings, podman)
    podman(
        "network",
        "create",
        "--label",
        f"lab.name={settings.name}",
        "--label",
        project_label(),
        "--subnet",
        str(network),
        settings.name,
    )
    return network


def _check_port(settings: Settings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", settings.port))
        except OSError:
            raise LabError(
                f"port {settings.port} of this machine is in use: choose another, as in 'LAB_PORT=9443 make up'."
            ) from None


def _check_owner(settings: Settings, existing: list[dict[str, Any]]) -> None:
    for container in existing:
        owner = container["Labels"].get("lab.project")
        if owner != str(PROJECT):
            raise LabError(
                f"a lab named '{settings.name}' of {owner} runs on this machine: choose another name with LAB_NAME=, "
                f"or run 'make down' in {owner}."
            )


def _ensure_key(settings: Settings) -> Path:
    key = settings.directory / "id_ed25519"
    if not key.exists():
        run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"lab-{settings.name}", "-f", str(key)],
            what="the lab's SSH key could not be made",
        )
    return key


def _ensure_kernel_settings(settings: Settings) -> None:
    path = Path("/proc/sys/fs/inotify/max_user_instances")
    if int(path.read_text()) < INOTIFY_INSTANCES:
        run(
            [*settings.as_root, "sysctl", "-q", "-w", f"fs.inotify.max_user_instances={INOTIFY_INSTANCES}"],
            what="fs.inotify.max_user_instances could not be raised",
        )


def _addresses(hosts: list[Host], network: ipaddress.IPv4Network, existing: list[dict[str, Any]]) -> dict[str, str]:
    """An address a host; those of running hosts stay, new ones take the next free."""
    labels = [container["Labels"] for container in existing]
    taken = {label["lab.host"]: label["lab.address"] for label in labels}
    free = (str(network[number]) for number in range(FIRST_ADDRESS, 255) if str(network[number]) not in taken.values())
    return {host.name: taken.get(host.name) or next(free) for host in hosts}


def _create(
    settings: Settings, podman: Podman, host: Host, address: str, image: str, publish: bool, names: Path | None = None
) -> None:
    words = [
        "run",
        "--detach",
        "--name",
        host.container(settings),
        "--hostname",
        host.name,
        "--network",
        settings.name,
        "--ip",
        address,
        "--network-alias",
        host.name,
        "--privileged",
        "--systemd=always",
        # A host that reboots ends its container; Podman starts it again, as the hypervisor does with an instance.
        "--restart=always",
        "--label",
        f"lab.name={settings.name}",
        "--label",
        project_label(),
        "--label",
        f"lab.host={host.name}",
        "--label",
        f"lab.address={address}",
        "--label",
        f"lab.suite={host.suite}",
        "--label",
        f"lab.image={image}",
    ]
    if publish:
        words += ["--publish", f"127.0.0.1:{settings.port}:443", "--label", f"lab.port={settings.port}"]
    if names:
        words += ["--volume", f"{names}:/etc/resolv.conf:ro"]
    podman(*words, image)


def _wait_for_boot(settings: Settings, podman: Podman, host: Host, public_key: str) -> str:
    """Wait until systemd says that the host runs, admit the lab's key, and return the host's SSH key."""
    name = host.container(settings)
    deadline = time.monotonic() + BOOT_SECONDS
    script = (
        "state=$(systemctl is-system-running --wait 2>/dev/null); "
        'case "$state" in running) ;; *) echo "$state"; systemctl --failed --no-legend --plain; exit 1;; esac; '
        'key=/home/admin/.ssh/authorized_keys; grep -qxF "$1" $key 2>/dev/null || '
        '{ echo "$1" >> $key; chown admin: $key; chmod 600 $key; }; cat /etc/ssh/ssh_host_ed25519_key.pub'
    )
    said = ""
    while time.monotonic() < deadline:
        done = subprocess.run(
            [*podman._prefix, "exec", name, "sh", "-c", script, "sh", public_key],
            capture_output=True,
            text=True,
            timeout=BOOT_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        said = done.stdout.strip()
        if done.returncode == 0:
            return " ".join(said.split()[:2])
        if said.startswith("degraded"):
            break
        time.sleep(0.5)
    raise LabError(
        f"{host.name} did not boot to 'running' within {BOOT_SECONDS} seconds ({said or 'no answer'}): "
        f"look at 'podman logs {name}', then run 'make down' and the same command again."
    )


def _write_ssh_files(settings: Settings, addresses: dict[str, str], keys: dict[str, str]) -> None:
    directory = settings.directory
    lines = []
    for name, address in addresses.items():
        lines += [f"Host {name}", f"    HostName {address}", ""]
    lines += [
        "Host *",
        "    User admin",
        f'    IdentityFile "{directory / "id_ed25519"}"',
        "    IdentitiesOnly yes",
        f'    UserKnownHostsFile "{directory / "known_hosts"}"',
        "    StrictHostKeyChecking yes",
        "    ConnectTimeout 10",
        "",
    ]
    _write(directory / "ssh_config", "\n".join(lines))
    known = directory / "known_hosts"
    mine = {addresses[name]: key for name, key in keys.items()}
    old = dict(line.split(" ", 1) for line in (known.read_text().splitlines() if known.exists() else []))
    current = {address: key for address, key in {**old, **mine}.items() if address in addresses.values()}
    _write(known, "".join(f"{address} {key}\n" for address, key in current.items()))
    _write(directory / "hosts.json", json.dumps(addresses, indent=2) + "\n")


def _write(path: Path, text: str) -> None:
    if path.exists() and path.read_text() == text:
        return
    partial = path.with_suffix(".new")
    partial.write_text(text)
    partial.chmod(0o600)
    partial.replace(path)


def lab_containers(settings: Settings, podman: Podman) -> list[dict[str, Any]]:
    """The containers of this lab."""
    return podman.containers(f"label=lab.name={settings.name}")


def start(settings: Settings, limit: str = "all") -> dict[str, str]:
    """Bring the hosts of the inventory up.

    Args:
        settings: the lab.
        limit: an inventory pattern; hosts outside it stay as they are.

    Returns:
        The address of each host.

    Raises:
        LabError: something is in the way; nothing was changed when the message names a setting.
    """
    podman = Podman(settings)
    with locked(settings):
        hosts = inventory_hosts(settings, limit)
        existing = lab_containers(settings, podman)
        _check_owner(settings, existing)
        by_name = {container["Labels"]["lab.host"]: container for container in existing}
        for host in hosts:
            old = by_name.get(host.name)
            if old and old["Labels"]["lab.suite"] != host.suite:
                raise LabError(
                    f"{host.name} runs {old['Labels']['lab.suite']}, not {host.suite}: run 'make down' first; it removes the lab."
                )
        new = [host for host in hosts if host.name not in by_name]
        front = next((host for group in ("balancer", "web") for host in hosts if group in host.groups), None)
        if settings.port and front in new:
            _check_port(settings)
        _ensure_kernel_settings(settings)
        network = ensure_network(settings, podman)
        kinds = sorted({(host.kind, host.suite) for host in new})
        images = {
            (kind, suite): (ensure_rds_image if kind == "rds" else ensure_image)(settings, podman, suite)
            for kind, suite in kinds
        }
        key = _ensure_key(settings)
        public_key = key.with_suffix(".pub").read_text().strip()
        addresses = _addresses(hosts, network, existing)
        instances = [host for host in hosts if host.kind == "rds"]
        # Where RDS is played, its DNS is, too: the other hosts ask there.
        names = rds.write_resolver(settings, addresses[instances[0].name], network) if instances else None
        for host in new:
            publish = bool(settings.port) and host == front
            image = images[host.kind, host.suite]
            _create(settings, podman, host, addresses[host.name], image, publish, None if host.kind == "rds" else names)
        for host in hosts:
            if host.name in by_name and by_name[host.name]["State"] != "running":
                podman("start", host.container(settings))
        if new:
            settings.say(f"Booting {', '.join(host.name for host in new)}")
        with ThreadPoolExecutor(8) as pool:
            keys = dict(
                zip(
                    (host.name for host in hosts),
                    pool.map(lambda host: _wait_for_boot(settings, podman, host, public_key), hosts),
                    strict=True,
                )
            )
        for host in instances:
            rds.ensure(settings, podman, host.name, host.container(settings), addresses[host.name], network)
        others = {
            name: container["Labels"]["lab.address"] for name, container in by_name.items() if name not in addresses
        }
        _write_ssh_files(settings, {**others, **addresses}, keys)
    return addresses


def remove(settings: Settings, force: bool = False) -> bool:
    """Remove the lab's containers, network and files.

    Args:
        settings: the lab.
        force: also when a lab of this name belongs to another checkout.

    Returns:
        Whether there was anything to remove.
    """
    podman = Podman(settings)
    with locked(settings):
        existing = lab_containers(settings, podman)
        if not force:
            _check_owner(settings, existing)
        if existing:
            _remove_containers(podman, [container["Names"][0] for container in existing])
        networks = [one["name"] for one in podman.networks(f"label=lab.name={settings.name}")]
        for name in networks:
            podman("network", "rm", "--force", name)
        _close_connections(settings)
        # Releases and screenshots below build/ are no part of the lab's hosts; all else goes with it.
        shutil.rmtree(settings.directory, ignore_errors=True)
    (settings.directory.parent / f"{settings.name}.lock").unlink(missing_ok=True)
    return bool(existing or networks)


def _remove_containers(podman: Podman, names: list[str]) -> None:
    """Remove containers; Podman may start one again (``--restart=always``) while it is being removed."""
    for attempt in range(REMOVAL_ATTEMPTS):
        left = [name for name in names if podman.succeeds("container", "exists", name)]
        if not left:
            return
        try:
            podman("rm", "--force", "--volumes", "--time", "3", *left, timeout=300)
        except LabError:
            if attempt == REMOVAL_ATTEMPTS - 1:
                raise
            time.sleep(1)


def remove_hosts(settings: Settings, limit: str) -> None:
    """Remove some hosts of a lab and leave the others and the network."""
    podman = Podman(settings)
    with locked(settings):
        existing = lab_containers(settings, podman)
        _check_owner(settings, existing)
        names = {host.container(settings) for host in inventory_hosts(settings, limit)}
        doomed = [container["Names"][0] for container in existing if container["Names"][0] in names]
        if doomed:
            _remove_containers(podman, doomed)
            settings.say(f"{', '.join(sorted(doomed))} removed")


def _close_connections(settings: Settings) -> None:
    """End the SSH connections that Ansible keeps open to the lab's hosts (ControlPersist)."""
    config = settings.directory / "ssh_config"
    addresses = settings.directory / "hosts.json"
    if not config.exists() or not addresses.exists():
        return
    for name in json.loads(addresses.read_text()):
        # The path is ansible.cfg's control_path.
        subprocess.run(
            ["ssh", "-F", str(config), "-o", "ControlPath=~/.ansible/cp/%C", "-O", "exit", name],
            capture_output=True,
            check=False,
        )


def remove_images(settings: Settings) -> None:
    """Remove the images that hosts are made from."""
    podman = Podman(settings)
    others = podman.containers("label=lab.name")
    if others:
        names = sorted({container["Labels"]["lab.name"] for container in others})
        raise LabError(
            f"hosts of {', '.join(names)} still use the images: run 'make down' for each (LAB_NAME=…) first."
        )
    names = podman("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=localhost/lab-*").split()
    if names:
        podman("rmi", "--force", *names)
