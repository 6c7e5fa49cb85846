# SPDX-License-Identifier: MIT
"""A token for each new connection: what is opened after 15 minutes, a failover or a restart logs in like the first one."""

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base, client
from django.db.utils import OperationalError

from rds_iam_backend import tokens

HINT = (
    " -- rds_iam_backend: the database refused the token of '{user}'. Check that the role or key that signs it allows "
    "rds-db:connect for this user and this instance, that the user is a member of rds_iam, that IAM authentication is "
    "on for the instance, that HOST is its endpoint, and that this host's clock is right (a token is good for 15 minutes)."
)


def _token(parameters):
    host, user = parameters.get("host") or "", parameters.get("user") or ""
    if not host or host.startswith("/"):
        raise ImproperlyConfigured("rds_iam_backend: HOST has to be the endpoint of the RDS instance.")
    return tokens.make(host, parameters.get("port") or 5432, user)


class DatabaseClient(client.DatabaseClient):
    """``manage.py dbshell`` by token."""

    @classmethod
    def settings_to_cmd_args_env(cls, settings_dict, parameters):
        own = {"host": settings_dict["HOST"], "port": settings_dict["PORT"], "user": settings_dict["USER"]}
        return super().settings_to_cmd_args_env({**settings_dict, "PASSWORD": _token(own)}, parameters)


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own wrapper; only the password differs, and it is made when a connection is."""

    client_class = DatabaseClient

    def get_connection_params(self):
        """Refuse what would keep an old token, or let somebody between read one."""
        if self.settings_dict["OPTIONS"].get("pool"):
            raise ImproperlyConfigured(
                "rds_iam_backend: OPTIONS has 'pool', which would log in with the token of the first connection. "
                "Remove it; connections are kept by CONN_MAX_AGE."
            )
        parameters = super().get_connection_params()
        if parameters.get("sslmode") != "verify-full":
            raise ImproperlyConfigured(
                "rds_iam_backend: OPTIONS needs sslmode 'verify-full' (and sslrootcert): a token is sent as it is, and who "
                "receives it may use it."
            )
        return parameters

    def get_new_connection(self, conn_params):
        try:
            return super().get_new_connection({**conn_params, "password": _token(conn_params)})
        except base.Database.OperationalError as error:
            text = str(error)
            if "PAM authentication failed" in text or "password authentication failed" in text:
                raise OperationalError(text.strip() + HINT.format(user=conn_params.get("user"))) from error
            raise
