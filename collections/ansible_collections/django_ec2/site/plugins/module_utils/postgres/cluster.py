# SPDX-License-Identifier: MIT
"""The cluster `main` of this host: whether it takes writes, where its history goes back to, how far it is.

Asked of the running server; of one that is down, by its files: `standby.signal` decides what it would start as.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import subprocess
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import ServerUnavailable, connect

with contextlib.suppress(ImportError):
    import psycopg2

CONFIGURATION = "/etc/postgresql"
PROGRAMS = "/usr/lib/postgresql"
# What is being done to the data directory, so that it is no cluster: kept outside it, which is emptied.
NOTE = "/var/lib/postgresql/.{}-main.json"
STANDBY_SIGNAL = "standby.signal"
DATA_DIRECTORY = re.compile(r"^\s*data_directory\s*=?\s*'([^']+)'", re.MULTILINE)
UPSTREAM = re.compile(r"(?:^|\s)host\s*=\s*'?([^\s']+)")

QUESTION = """
    SELECT pg_is_in_recovery(), system_identifier::text,
        CASE WHEN pg_is_in_recovery() THEN coalesce((SELECT received_tli FROM pg_stat_wal_receiver), (pg_control_checkpoint()).timeline_id)
            ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END,
        CASE WHEN pg_is_in_recovery() THEN pg_wal_lsn_diff(greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), '0/0')
            ELSE pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0') END,
        CASE WHEN pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0') END,
        current_setting('primary_conninfo'),
        (SELECT status FROM pg_stat_wal_receiver),
        (SELECT count(*) FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'),
        current_setting('data_directory'),
        (SELECT coalesce(json_object_agg(s.slot_name, json_build_object('active', s.active, 'wal_status', s.wal_status)), '{}')
            FROM pg_replication_slots s WHERE s.slot_type = 'physical'),
        EXTRACT(EPOCH FROM now() - pg_last_xact_replay_timestamp()),
        (SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = 'database_move')
    FROM pg_control_system()"""
# What a server is that another one of the group takes the place of (playbooks/database_upgrade.yml), by what that wrote down.
ASIDE = {"target": "target", "closed": "left"}

# A server that lost its control file still answers this.
LESS = "SELECT pg_is_in_recovery(), current_setting('data_directory')"
CONTROL_FILE = "global/pg_control"
DAMAGE = (
    "PostgreSQL runs and its control file {} is missing: it serves until its next checkpoint, and does not start again. Do not restart it. "
    "Dump now what no backup has (pg_dumpall). With a standby, make that the primary: "
    "playbooks/database_promote.yml -e to=<standby> -e away=<this host>. Without one, restore: "
    "playbooks/database_restore.yml -e restore_to=latest -e confirm=<this host>."
)


def damage(text: str) -> str:
    """What to do about a server that says it can't read its control file; empty for any other message."""
    return DAMAGE.format(CONTROL_FILE) if f'{CONTROL_FILE}"' in text and "No such file" in text else ""


def version_of(directory: str = CONFIGURATION) -> str:
    """The newest major version that has a cluster `main` here; empty without one."""
    found = [path.split("/")[-3] for path in glob.glob(f"{directory}/*/main/postgresql.conf")]
    return max((one for one in found if one.isdecimal()), key=int, default="")


def data_directory_of(version: str, directory: str = CONFIGURATION) -> str:
    """Where the cluster's configuration says that its data is."""
    with open(f"{directory}/{version}/main/postgresql.conf", encoding="utf-8", errors="replace") as stream:
        found = DATA_DIRECTORY.findall(stream.read())
    return found[-1] if found else f"/var/lib/postgresql/{version}/main"


def read_note(version: str) -> dict[str, Any]:
    """What was begun with the data directory and has not ended; empty for nothing."""
    try:
        with open(NOTE.format(version), encoding="utf-8") as stream:
            return dict(json.load(stream))
    except FileNotFoundError:
        return {}
    except ValueError:
        return {"doing": "copy"}


def write_note(version: str, note: dict[str, Any] | None) -> None:
    """Note on disk, before it is begun, what is done to the data directory; nothing when it has ended."""
    path = NOTE.format(version)
    if note is None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    else:
        with open(f"{path}.new", "w", encoding="utf-8") as stream:
            json.dump(note, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(f"{path}.new", path)
    sync_directory(os.path.dirname(path))


def sync_directory(path: str) -> None:
    """Names that were made or taken away in a directory are on disk when this returns."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def control_data(version: str, data: str) -> dict[str, str]:
    """What pg_controldata says of a cluster, by its own words; empty when it can't be read."""
    done = subprocess.run(
        [f"{PROGRAMS}/{version}/bin/pg_controldata", "-D", data],
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        return {}
    lines = (line.split(":", 1) for line in done.stdout.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in lines}


def lsn(text: str) -> int:
    """A position in the log, as a number of bytes."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16) if low else 0


def history(data: str, timeline: int) -> list[list[int]]:
    """The timelines before this one, oldest first, each with the position at which it was left."""
    try:
        with open(f"{data}/pg_wal/{timeline:08X}.history", encoding="utf-8") as stream:
            lines = [line.split() for line in stream if line.strip() and not line.startswith("#")]
    except FileNotFoundError:
        return []
    return [[int(words[0]), lsn(words[1])] for words in lines if len(words) > 1]


def read_cluster(port: int = 5432) -> dict[str, Any]:
    """The state of this host's cluster, as the module postgres_state returns it."""
    version = version_of()
    if not version:
        # Named before the package made its configuration: a copy was begun and cut.
        return {"role": "none", "running": False}
    data = data_directory_of(version)
    state: dict[str, Any] = {"version": int(version), "data_directory": data, "running": False}
    if note := read_note(version):
        return {**state, "role": "copying", "doing": note.get("doing", "copy")}
    try:
        login = {"port": port, "user": "postgres", "database": "postgres"}
        with contextlib.closing(connect(login)) as connection, connection.cursor() as cursor:
            try:
                cursor.execute(QUESTION)
            except psycopg2.Error as error:
                if not damage(str(error)):
                    raise
                connection.rollback()
                cursor.execute(LESS)
                return {**state, **from_damaged(*cursor.fetchone())}
            return {**state, **from_server(cursor.fetchone())}
    except ServerUnavailable as error:
        state["reason"] = str(error)
    if not os.path.exists(f"{data}/PG_VERSION"):
        return {**state, "role": "none"}
    if not os.path.exists(f"{data}/global/pg_control"):
        return {**state, "role": "copying", "doing": "copy"}
    return {**state, **from_files(data, control_data(version, data))}


def upgrade_of(mark: str | None) -> dict[str, str]:
    """The ``state`` of this server in a major upgrade and its ``peer``, the other host; empty where there is none.

    A move to RDS leaves a mark as well, without a host.
    """
    try:
        found = json.loads(mark or "{}")
    except ValueError:
        return {}
    if not isinstance(found, dict) or not found.get("peer"):
        return {}
    return {"state": str(found.get("state", "")), "peer": str(found["peer"])}


def from_server(row: tuple[Any, ...]) -> dict[str, Any]:
    """The state by the answer to QUESTION."""
    standby, identifier, timeline, written, replayed, conninfo, receiver, databases, data, slots, lag, mark = row
    upstream = UPSTREAM.search(conninfo or "")
    state = {
        "role": "standby" if standby else "primary", "running": True, "system_identifier": identifier,
        "upgrade": upgrade_of(mark), "timeline": int(timeline), "lsn": int(written or 0), "databases": int(databases),
        "data_directory": data,
        "handed_over": not standby and os.path.exists(f"{data}/{STANDBY_SIGNAL}"), "slots": slots,
        "history": history(data, int(timeline)),
    }  # fmt: skip
    if not standby:
        state["role"] = ASIDE.get(state["upgrade"].get("state", ""), "primary")
    if standby:
        state |= {
            "upstream": upstream[1].split(",")[0] if upstream else "", "streaming": receiver == "streaming",
            "replayed": int(replayed or 0), "lag_seconds": None if lag is None else round(float(lag), 3),
        }  # fmt: skip
    return state


def from_damaged(standby: bool, data: str) -> dict[str, Any]:
    """The state of a server that runs without its control file. A standby is no more than a copy that is made anew."""
    if standby:
        return {"role": "copying", "doing": "copy", "running": True, "data_directory": data}
    return {
        "role": "primary", "running": True, "data_directory": data, "damaged": DAMAGE.format(CONTROL_FILE), "slots": {}, "history": [],
    }  # fmt: skip


def from_files(data: str, control: dict[str, str]) -> dict[str, Any]:
    """The state of a cluster that does not answer, by its files."""
    standby = os.path.exists(f"{data}/{STANDBY_SIGNAL}")
    words = control.get("Database cluster state", "")
    # A standby may have come further on another timeline than its last checkpoint.
    recovered = control.get("Min recovery ending loc's timeline", "0")
    timeline = max(int(control.get("Latest checkpoint's TimeLineID", "0") or 0), int(recovered or 0))
    return {
        "role": "standby" if standby else "primary", "system_identifier": control.get("Database system identifier", ""),
        "timeline": timeline, "lsn": lsn(control.get("Latest checkpoint location", "")),
        "clean": words.startswith("shut down"), "control": words, "history": history(data, timeline), "streaming": False, "slots": {},
    }  # fmt: skip
