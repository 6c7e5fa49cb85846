# SPDX-License-Identifier: MIT
"""What an environment costs in a month, from a dated table of prices. No call to AWS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.django_ec2.site.plugins.plugin_utils.aws import layout

TABLE = Path(__file__).with_name("prices.yml")
# What one load balancer of a small site uses: a unit is 25 new connections a second, or 1 GB an hour.
BALANCER_UNITS = 1
MODES = ("self_hosted", "rds")
LEFT_OUT = "Traffic, reads and writes on EFS, objects in buckets, snapshots beyond the storage's own size, logs and tax are not in it."


class CostError(ValueError):
    """The table has no price for something; the message names it and those that it has."""


def read(path: str = "") -> dict[str, Any]:
    """The table of prices: the product's own, or that of a team.

    Raises:
        CostError: the file is none.
    """
    try:
        table = yaml.safe_load(Path(path or TABLE).read_text())
        table["regions"], table["as_of"], table["hours_of_a_month"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise CostError(
            f"{path or TABLE} is no table of prices ({error}): write as_of, hours_of_a_month and regions, as in {TABLE}."
        ) from error
    return table


def lines(settings: Mapping[str, Any], table: Mapping[str, Any], region: str) -> list[tuple[str, float]]:
    """Each thing that costs, with USD a month.

    Args:
        settings: ``hosts``, ``entrance``, ``nat`` (number of gateways), ``files_gb`` (GiB on EFS), and ``database``, none or a mapping
            of ``class``, ``storage_gb`` and ``multi_az``; ``autoscaling``, where there is such a group, as the role aws_fleet takes it.
        table: of prices, as ``read`` gives it.
        region: of AWS.

    Raises:
        CostError: a price is missing.
    """
    prices, hours = _of(table["regions"], region, "region"), table["hours_of_a_month"]
    found: list[tuple[str, float]] = []
    for name, host in sorted(settings["hosts"].items()):
        found += [
            (f"{name}: {host['type']}", _of(prices["instances"], host["type"], "instance type") * hours),
            (f"{name}: {host['disk_gb']} GiB gp3", host["disk_gb"] * prices["disk_gb"]),
        ]
    group = settings.get("autoscaling") or {}
    if group:
        number, what = int(group["min"]), f"of the auto-scaling group: {group['type']}, {group['disk_gb']} GiB gp3"
        found.append((f"{number} {what}", number * _of_one(group, prices, hours)))
    public = sum(host["subnet"].startswith("public") for host in settings["hosts"].values())
    # Two addresses of the balancer, one of each gateway, one of each host in a public subnet.
    addresses = public + settings["nat"] + (2 if settings["entrance"] == "balancer" else 0)
    if settings["entrance"] == "balancer":
        found.append(("load balancer", (prices["balancer"] + BALANCER_UNITS * prices["balancer_unit"]) * hours))
    if settings["nat"]:
        found.append((f"{settings['nat']} NAT gateways", settings["nat"] * prices["nat_gateway"] * hours))
    if addresses:
        found.append((f"{addresses} public addresses", addresses * prices["public_address"] * hours))
    if size := settings.get("files_gb"):
        found.append((f"{size} GiB of files on EFS", size * _of(prices, "files_gb", "price")))
    if database := settings.get("database"):
        times = 2 if database["multi_az"] else 1
        zones = " Multi-AZ" if database["multi_az"] else ""
        found += [
            (f"RDS {database['class']}{zones}", times * _of(prices["databases"], database["class"], "class") * hours),
            (
                f"RDS {database['storage_gb']} GiB gp3{zones}",
                times * database["storage_gb"] * prices["database_storage_gb"],
            ),
        ]
    return found


def _of_one(group: Mapping[str, Any], prices: Mapping[str, Any], hours: int) -> float:
    """What one instance of an auto-scaling group costs a month, with its disk and its public address."""
    address = prices["public_address"] * hours if group["subnets"][0].startswith("public") else 0
    own = _of(prices["instances"], group["type"], "instance type") * hours
    return float(own + group["disk_gb"] * prices["disk_gb"] + address)


def _of(prices: Mapping[str, Any], name: str, kind: str) -> Any:
    if name not in prices:
        raise CostError(
            f"The table of prices has no {kind} {name}; it has {', '.join(sorted(prices))}. Add it in a table of your own: "
            "-e aws_cost_prices=/path/to/prices.yml."
        )
    return prices[name]


def of_preset(preset: Mapping[str, Any], mode: str, files_gb: int, zones: int = 2) -> dict[str, Any]:
    """The settings of a preset, as ``lines`` takes them; ``files_gb`` is what applications keep, where the preset has EFS for it."""
    return {
        "hosts": layout.hosts(preset, mode),
        "entrance": preset["entrance"],
        "nat": {"none": 0, "one": 1, "per_zone": zones}[preset["nat"]],
        "files_gb": files_gb if preset["files"] == "efs" else 0,
        "database": {
            "class": preset["database_class"],
            "storage_gb": preset["database_storage_gb"],
            "multi_az": preset["database_multi_az"],
        }
        if mode == "rds"
        else None,
    }


def report(
    own: Mapping[str, Any],
    presets: Mapping[str, Any],
    compared: Iterable[str],
    region: str,
    path: str = "",
    files_gb: int = 10,
) -> dict[str, Any]:
    """The estimate of an environment, of its presets both ways, and of what would change between two of them.

    Args:
        own: the environment's settings, as ``lines`` takes them.
        presets: the variable ``aws_presets``.
        compared: names of two presets; empty compares none.
        region: of AWS.
        path: of a table of one's own.
        files_gb: GiB that applications keep, for presets that have EFS for it.

    Returns:
        ``lines`` for people and ``data``: ``as_of``, ``monthly`` and ``presets`` in USD.

    Raises:
        CostError: a price or a preset is missing.
    """
    table = read(path)
    parts = lines(own, table, region)
    total = sum(price for _, price in parts)
    said = [f"A month of this environment in {region}, USD, prices of {table['as_of']}:"]
    said += [f"  {price:9.2f}  {what}" for what, price in parts]
    said += [f"  {total:9.2f}  in all"]
    if group := own.get("autoscaling"):
        more, prices = int(group["max"]) - int(group["min"]), table["regions"][region]
        extra = more * _of_one(group, prices, table["hours_of_a_month"])
        said += [f"  {total + extra:9.2f}  with {group['max']} instances of the auto-scaling group all the time"]
    said += ["", f"  {'preset':18} {'self-hosted':>12} {'RDS':>12}"]
    sums = {
        name: {
            mode: round(sum(price for _, price in lines(of_preset(preset, mode, files_gb), table, region)), 2)
            for mode in MODES
        }
        for name, preset in presets.items()
    }
    said += [f"  {name:18} {both['self_hosted']:12.2f} {both['rds']:12.2f}" for name, both in sums.items()]
    if pair := list(compared):
        said += ["", *_difference(pair, presets, table, region, files_gb)]
    return {
        "lines": [*said, "", LEFT_OUT],
        "data": {"as_of": table["as_of"], "monthly": round(total, 2), "presets": sums},
    }


def _difference(
    pair: list[str], presets: Mapping[str, Any], table: Mapping[str, Any], region: str, files_gb: int
) -> list[str]:
    """What changes from one preset to another, for both kinds of database."""
    if len(pair) != 2 or set(pair) - set(presets):
        raise CostError(f'aws_cost_compare is {pair}: give two of {", ".join(presets)}, as in \'["single", "small"]\'.')
    said = [f"  From {pair[0]} to {pair[1]}:"]
    for mode in MODES:
        before, after = (dict(lines(of_preset(presets[name], mode, files_gb), table, region)) for name in pair)
        said.append(f"  {sum(after.values()) - sum(before.values()):+9.2f}  {mode}")
        said += [
            f"    {after.get(what, 0) - before.get(what, 0):+9.2f}  {what}"
            for what in dict.fromkeys([*before, *after])
            if before.get(what) != after.get(what)
        ]
    return said
