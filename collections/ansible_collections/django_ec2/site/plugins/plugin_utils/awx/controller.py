# SPDX-License-Identifier: MIT
"""Questions to AWX, through the client of awx.awx, with errors that name the remedy. Nothing is changed here."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from typing import Any, NoReturn

# Environment variables of awx.awx, the present name first.
VARIABLES = {
    "controller_host": ("CONTROLLER_HOST", "TOWER_HOST"),
    "controller_oauthtoken": ("CONTROLLER_OAUTH_TOKEN", "TOWER_OAUTH_TOKEN"),
    "controller_username": ("CONTROLLER_USERNAME", "TOWER_USERNAME"),
    "controller_password": ("CONTROLLER_PASSWORD", "TOWER_PASSWORD"),
    "validate_certs": ("CONTROLLER_VERIFY_SSL", "TOWER_VERIFY_SSL"),
    "request_timeout": ("CONTROLLER_REQUEST_TIMEOUT",),
}
# What the client falls back to when nobody names an AWX.
NOBODY = "127.0.0.1"


class ControllerError(Exception):
    """AWX can't be asked. The message says what to do."""


class Controller:
    """AWX, as the environment names it: CONTROLLER_HOST and CONTROLLER_OAUTH_TOKEN, or a file tower_cli.cfg.

    Raises:
        ControllerError: nobody named an AWX, or how to log in.
    """

    def __init__(self) -> None:
        # Loaded when it is needed: the client brings half a second of imports.
        from ansible_collections.awx.awx.plugins.module_utils.controller_api import ControllerAPIModule  # noqa: PLC0415

        given: dict[str, Any] = {}
        for option, names in VARIABLES.items():
            if value := next((os.environ[name] for name in names if os.environ.get(name)), ""):
                given[option] = value
        if "validate_certs" in given:
            given["validate_certs"] = given["validate_certs"].lower() in ("1", "true", "yes", "on")
        if "request_timeout" in given:
            given["request_timeout"] = float(given["request_timeout"])
        self.host = given.get("controller_host", NOBODY)
        self._client = ControllerAPIModule(
            argument_spec={}, direct_params=given, error_callback=self._failed, warn_callback=lambda _warning: None
        )
        self.host = self._client.host
        if NOBODY in self.host and "controller_host" not in given:
            raise ControllerError(
                "Nobody says which AWX: export CONTROLLER_HOST=https://awx.example.org and CONTROLLER_OAUTH_TOKEN=<token>. "
                "AWX makes a token under your user, Tokens, with the scope Write."
            )
        if not (self._client.oauth_token or (self._client.username and self._client.password)):
            raise ControllerError(
                f"Nobody says how to log in to {self.host}: export CONTROLLER_OAUTH_TOKEN=<token>. AWX makes one under your user, "
                "Tokens, with the scope Write."
            )

    def one(self, path: str) -> dict[str, Any]:
        """What is at a path of the API."""
        answer = self._client.get_endpoint(path)
        if answer["status_code"] != 200:
            self._failed(msg=f"{path}: {answer.get('json', answer)}")
        return answer["json"]

    def all(self, path: str, query: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Every element of a list of the API."""
        found: list[dict[str, Any]] = []
        page = self._client.get_endpoint(path, data={"page_size": 200, **(query or {})})
        while True:
            if page["status_code"] != 200:
                self._failed(msg=f"{path}: {page.get('json', page)}")
            found += page["json"]["results"]
            if not page["json"].get("next"):
                return found
            page = self._client.get_endpoint(page["json"]["next"])

    def _failed(self, msg: str, **_rest: Any) -> NoReturn:
        if "401" in msg or "Failed to get token" in msg:
            remedy = (
                "The token is wrong or has run out: make another one in AWX, under your user, Tokens, with the scope Write, and export "
                "it as CONTROLLER_OAUTH_TOKEN."
            )
        elif "403" in msg:
            remedy = "The user of the token may not see this: playbooks/awx.yml needs a system administrator of AWX."
        elif "secure connection" in msg or "CERTIFICATE" in msg:
            where = ssl.get_default_verify_paths().openssl_cafile_env
            remedy = (
                f"If AWX's certificate comes from an authority of your own, export {where}=<its file of certificates>."
            )
        elif "resolve" in msg or "network error" in msg or "unknown error" in msg or "timed out" in msg:
            remedy = "See whether AWX runs and can be reached from here: CONTROLLER_HOST names it."
        else:
            remedy = "What AWX says about it is in its log."
        raise ControllerError(f"{self.host} can't be asked: {msg.rstrip('.')}. {remedy}")
