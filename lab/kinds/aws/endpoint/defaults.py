# SPDX-License-Identifier: MIT
"""What things on AWS have without anybody having set it, where moto leaves it out. `corrections.always` puts it in place."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.models import EC2Backend
from moto.ec2.models.elastic_block_store import Volume
from moto.ec2.responses.general import General
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, Base64EncodedString
from moto.elbv2.models import FakeLoadBalancer
from moto.rds.exceptions import InvalidParameterValue
from moto.rds.models import DBParameterGroup, RDSBackend
from moto.rds.responses import RDSResponse
from moto.servicequotas.models import ServiceQuotasBackend

# Parameters of RDS for PostgreSQL: name, value where RDS sets one, type, and whether a change holds at once. A selection: those that the
# product or its documents name, and enough beside them that a typing error has near ones.
DYNAMIC, STATIC = "dynamic", "static"
PARAMETERS: tuple[tuple[str, str, str, str], ...] = (
    ("autovacuum_naptime", "15", "integer", DYNAMIC),
    ("autovacuum_vacuum_scale_factor", "0.1", "float", DYNAMIC),
    ("checkpoint_timeout", "300", "integer", DYNAMIC),
    ("default_statistics_target", "", "integer", DYNAMIC),
    ("effective_cache_size", "{DBInstanceClassMemory/16384}", "integer", DYNAMIC),
    ("idle_in_transaction_session_timeout", "86400000", "integer", DYNAMIC),
    ("lock_timeout", "", "integer", DYNAMIC),
    ("log_min_duration_statement", "", "integer", DYNAMIC),
    ("log_statement", "", "string", DYNAMIC),
    ("maintenance_work_mem", "GREATEST({DBInstanceClassMemory*1024/63963136},65536)", "integer", DYNAMIC),
    ("max_connections", "LEAST({DBInstanceClassMemory/9531392},5000)", "integer", STATIC),
    ("max_logical_replication_workers", "", "integer", STATIC),
    ("max_replication_slots", "20", "integer", STATIC),
    ("max_wal_senders", "35", "integer", STATIC),
    ("max_worker_processes", "GREATEST({DBInstanceVCPU*2},8)", "integer", STATIC),
    ("random_page_cost", "", "float", DYNAMIC),
    ("rds.force_ssl", "1", "boolean", DYNAMIC),
    ("rds.log_retention_period", "4320", "integer", DYNAMIC),
    ("rds.logical_replication", "0", "boolean", STATIC),
    ("shared_buffers", "{DBInstanceClassMemory/32768}", "integer", STATIC),
    ("shared_preload_libraries", "pg_stat_statements", "list", STATIC),
    ("statement_timeout", "", "integer", DYNAMIC),
    ("track_activity_query_size", "4096", "integer", STATIC),
    ("work_mem", "", "integer", DYNAMIC),
)


VERSIONS = ("14.19", "15.14", "16.10", "17.4", "17.6", "18.1")
CLASSES = tuple(
    f"db.{family}.{size}"
    for family, sizes in {
        "t4g": ("micro", "small", "medium", "large"),
        "m7g": ("large", "xlarge", "2xlarge"),
        "r7g": ("large", "xlarge", "2xlarge"),
    }.items()
    for size in sizes
)
# Of a young account, by code.
QUOTAS = {"L-1216C47A": 32.0, "L-53DA6B97": 50.0, "L-0263D0A3": 5.0, "L-7B6409FD": 40.0}


def put() -> None:
    """Put all of them in place."""
    _parameters()
    _versions_and_classes()
    _quotas()
    _consoles()
    _balancer_attributes()
    _kinds_of_tags()
    _snapshots_of_images()
    _volumes_of_no_snapshot()


def _described() -> list[dict[str, Any]]:
    return [
        {
            "ParameterName": name, "DataType": kind, "ApplyType": applied, "IsModifiable": True, "Source": "system",
            "ApplyMethod": "pending-reboot", **({"ParameterValue": value} if value else {}),
        }
        for name, value, kind, applied in PARAMETERS
    ]  # fmt: skip


def _parameters() -> None:
    """A new parameter group has all parameters of its family, and takes no others; a family's can be asked for before there is a group."""
    made, update = DBParameterGroup.__init__, DBParameterGroup.update_parameters

    def make(self: Any, *words: Any, **named: Any) -> None:
        made(self, *words, **named)
        if (self.family or "").startswith("postgres"):
            self.parameters.update({one["ParameterName"]: one for one in _described()})

    def refuse_unknown(self: Any, new_parameters: Any) -> None:
        new = list(new_parameters)
        for one in new:
            if self.parameters and one["ParameterName"] not in self.parameters:
                raise InvalidParameterValue(f"Could not find parameter with name: {one['ParameterName']}")
        update(self, [{**one, "Source": "user"} for one in new])

    def describe_engine_default_parameters(self: Any) -> ActionResult:
        family = self.params.get("DBParameterGroupFamily")
        return ActionResult({"EngineDefaults": {"DBParameterGroupFamily": family, "Parameters": _described()}})

    DBParameterGroup.__init__, DBParameterGroup.update_parameters = make, refuse_unknown
    RDSResponse.describe_engine_default_parameters = describe_engine_default_parameters


def _versions_and_classes() -> None:
    """RDS says which versions of PostgreSQL and which classes it has; moto knows Aurora's alone."""
    plain = RDSBackend.describe_orderable_db_instance_options

    def describe_db_engine_versions(self: Any) -> ActionResult:
        asked = self.params.get("EngineVersion") or ""
        found = [
            {
                "Engine": "postgres",
                "EngineVersion": one,
                "DBParameterGroupFamily": f"postgres{one.partition('.')[0]}",
                "ValidUpgradeTarget": _targets(one),
            }
            for one in VERSIONS
            if asked in ("", one, one.partition(".")[0])
        ]
        return ActionResult({"DBEngineVersions": found if self.params.get("Engine") == "postgres" else []})

    def orderable(self: Any, engine: str, engine_version: str) -> list[dict[str, Any]]:
        if engine != "postgres":
            return plain(self, engine, engine_version)
        return [
            {"Engine": engine, "EngineVersion": version, "DBInstanceClass": one, "StorageType": "gp3"}
            for version in VERSIONS
            for one in CLASSES
            if engine_version in (None, version)
        ]

    RDSResponse.describe_db_engine_versions = describe_db_engine_versions
    RDSBackend.describe_orderable_db_instance_options = orderable


def _targets(version: str) -> list[dict[str, Any]]:
    """The versions after one: RDS upgrades over several major ones at once."""
    major = version.partition(".")[0]
    return [
        {
            "Engine": "postgres",
            "EngineVersion": one,
            "AutoUpgrade": False,
            "IsMajorVersionUpgrade": one.partition(".")[0] != major,
        }
        for one in VERSIONS[VERSIONS.index(version) + 1 :]
    ]


def _quotas() -> None:
    """Service Quotas knows those of EC2 and RDS; moto knows a network's alone."""
    plain = ServiceQuotasBackend.get_service_quota

    def get(self: Any, service_code: str, quota_code: str) -> dict[str, Any]:
        if quota_code in QUOTAS:
            return {"ServiceCode": service_code, "QuotaCode": quota_code, "Value": QUOTAS[quota_code]}
        return plain(self, service_code, quota_code)

    ServiceQuotasBackend.get_service_quota = get


def _consoles() -> None:
    """The console of an instance shows what cloud-init prints at its first boot: its host keys."""

    def get_console_output(self: Any) -> ActionResult:
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        # As long as a real one: its type with a length before it, and 32 bytes with theirs.
        blob = b"\0\0\0\x0bssh-ed25519\0\0\0 " + hashlib.sha256(instance.id.encode()).digest()
        key = base64.b64encode(blob).decode()
        shown = f"-----BEGIN SSH HOST KEY KEYS-----\nssh-ed25519 {key} root@host\n-----END SSH HOST KEY KEYS-----\n"
        # What user data writes at last, which nobody runs here.
        shown += "image-sealed nothing\n" if "image-sealed" in _plain(instance.user_data) else ""
        output = Base64EncodedString.from_raw_string(shown)
        return ActionResult({"InstanceId": instance.id, "Timestamp": utcnow(), "Output": output})

    General.get_console_output = get_console_output


def _balancer_attributes() -> None:
    """A new Application Load Balancer says that it keeps headers with invalid names and logs nothing; moto says neither."""
    made = FakeLoadBalancer.__init__

    def make(self: Any, *words: Any, **named: Any) -> None:
        made(self, *words, **named)
        if self.type == "application":
            self.attrs.setdefault("routing.http.drop_invalid_header_fields.enabled", "false")
            self.attrs.setdefault("access_logs.s3.enabled", "false")

    FakeLoadBalancer.__init__ = make


def _kinds_of_tags() -> None:
    """Tags of NAT gateways and Elastic IPs are found under the names that AWS has for these kinds; moto has others."""
    EC2_PREFIX_TO_RESOURCE.update({"nat": "natgateway", "eipalloc": "elastic-ip"})


def _plain(user_data: Any) -> str:
    """User data as text; moto has types of its own for it."""
    data = user_data if isinstance(user_data, bytes) else str(user_data or "").encode()
    with contextlib.suppress(ValueError):
        data = base64.b64decode(data, validate=True)
    return data.decode(errors="replace")


def _snapshots_of_images() -> None:
    """The snapshot of an image takes tags with it, and the image has the root device of its instance's; moto refuses the one and forgets
    the other."""
    plain = EC2Backend.create_image

    def create_image(
        self: Any, instance_id: str, name: str, description: str, tag_specifications: list[dict[str, Any]]
    ) -> Any:
        of_image = [one for one in tag_specifications if one["ResourceType"] != "snapshot"]
        made = plain(self, instance_id, name, description, of_image)
        before = self.amis.get(self.get_instance(instance_id).image_id)
        made.root_device_name = before.root_device_name if before else made.root_device_name
        for one in tag_specifications:
            if one["ResourceType"] == "snapshot":
                made.ebs_snapshot.add_tags({tag["Key"]: tag["Value"] for tag in one["Tags"]})
        return made

    EC2Backend.create_image = create_image


def _volumes_of_no_snapshot() -> None:
    """A volume that was made of no snapshot says so with an empty id; moto leaves the id out."""
    made = Volume.__init__

    def make(self: Any, *words: Any, **named: Any) -> None:
        made(self, *words, **named)
        self.snapshot_id = self.snapshot_id or ""

    Volume.__init__ = make
