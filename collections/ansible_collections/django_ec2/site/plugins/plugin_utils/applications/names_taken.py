# SPDX-License-Identifier: MIT
"""Names that belong to the system, to its packages, or to another part of the site: no application may take one.

Each function answers to whom a name belongs, in words, and nothing for a free name. Names that no application can have, such as
those with a hyphen, are left out.
"""

from __future__ import annotations

import re

from ansible_collections.django_ec2.site.plugins.plugin_utils import application_server

_SYSTEM = "the operating system (base-passwd)"
# Users and groups of base-passwd, Debian and Ubuntu: /usr/share/base-passwd/{passwd,group}.master.
_BASE_PASSWD = (
    "adm", "audio", "backup", "bin", "cdrom", "daemon", "dialout", "dip", "disk", "fax", "floppy", "games", "gnats",
    "irc", "kmem", "list", "lp", "mail", "man", "news", "nobody", "nogroup", "operator", "plugdev", "proxy", "root",
    "sasl", "shadow", "src", "staff", "sudo", "sync", "sys", "tape", "tty", "users", "utmp", "uucp", "video", "voice",
)  # fmt: skip
# Groups and users that packages make; some give rights that are root's.
_PACKAGES = {
    "chrony": "the package chrony",
    "clock": "systemd",
    "crontab": "the package cron",
    "docker": "the package docker.io, whose group acts as root",
    "input": "systemd",
    "kvm": "systemd",
    "landscape": "the package landscape-common",
    "libvirt": "the package libvirt, whose group acts as root",
    "lxd": "the package lxd, whose group acts as root",
    "messagebus": "the package dbus",
    "munin": "the package munin",
    "mysql": "the package mysql-server",
    "netdev": "the package netbase",
    "nginx": "the package nginx",
    "ntp": "the package ntp",
    "patroni": "the package patroni",
    "pgbackrest": "the package pgbackrest",
    "pgbouncer": "the package pgbouncer",
    "pollinate": "the package pollinate",
    "polkitd": "the package polkitd",
    "postfix": "the package postfix",
    "postgres": "PostgreSQL",
    "postgresql": "PostgreSQL",
    "prometheus": "the package prometheus",
    "redis": "Redis",
    "render": "systemd",
    "sgx": "systemd",
    "sshd": "the package openssh-server",
    "sssd": "the package sssd",
    "statd": "the package nfs-common",
    "syslog": "the package rsyslog",
    "systemd": "systemd",
    "tcpdump": "the package tcpdump",
    "tss": "the package tpm-udev",
    "uuidd": "the package uuid-runtime",
    "wheel": "the system's administrators",
}
# Who logs in to a machine image of EC2.
_IMAGES = {"admin": "Debian", "debian": "Debian", "ubuntu": "Ubuntu", "centos": "CentOS", "fedora": "Fedora"}

_PATHS = {
    "/etc/ssl/certs": "the system's authorities",
    "/etc/ssl/private": "the system's keys",
    "/etc/ssl/postgres": "PostgreSQL's certificate",
    "/etc/ssl/redis": "Redis's certificate",
    "/etc/ssl/database": "the authority of the database",
    "/etc/ssl/rds": "the authorities of RDS",
    "/run/pgbouncer": "the sockets of the poolers",
}
# Template units of the system whose names a service of an application could have.
_UNITS = {
    "container-getty@.service": "systemd",
    "serial-getty@.service": "systemd",
    "openvpn-client@.service": "the package openvpn",
    "openvpn-server@.service": "the package openvpn",
    "wg-quick@.service": "the package wireguard-tools",
}
# An application of this name would have the units of all others.
_UNIT_PREFIXES = {application_server.ROLE: "the application server: units of every application begin with it"}

_DATABASES = ("pgbouncer", "postgres", "rdsadmin", "template0", "template1")
_ROLES = ("none", "postgres", "public", "rdsadmin", "rdsrepladmin", "rdstopmgr")


def account(name: str) -> str:
    """To whom a user and group belongs."""
    if name in _BASE_PASSWD:
        return _SYSTEM
    if name in _IMAGES:
        return f"{_IMAGES[name]}'s images for EC2, whose administrator logs in by it"
    return _PACKAGES.get(name) or _UNIT_PREFIXES.get(name, "")


def path(name: str) -> str:
    """To whom a path belongs."""
    return _PATHS.get(name, "")


def unit(name: str) -> str:
    """To whom a unit belongs."""
    return _UNITS.get(name) or ("systemd" if name.startswith("systemd-") else "")


def database(name: str) -> str:
    """To whom a database belongs."""
    return "the server itself" if name in _DATABASES else ""


def role(name: str) -> str:
    """To whom a role of PostgreSQL belongs."""
    if name in _ROLES or re.match(r"pg_|rds_", name):
        return "the server itself"
    return ""


def redis_user(name: str) -> str:
    """To whom a user of Redis belongs."""
    return {"admin": "the role redis", "default": "Redis itself"}.get(name, "")
