# SPDX-License-Identifier: MIT
"""One request to a site as a visitor makes it: over TLS that is verified, through nginx."""

from __future__ import annotations

import http.client
import socket
import ssl

AGENT = "smoke-test"
CHARACTERS = 2_000_000


class _Connection(http.client.HTTPSConnection):
    """HTTPS to an address, for a name."""

    def __init__(self, host: str, address: str, port: int, context: ssl.SSLContext, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout, context=context)
        self.address = address
        self.tls = context

    def connect(self) -> None:
        plain = socket.create_connection((self.address or self.host, self.port), self.timeout)
        try:
            self.sock = self.tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


def trust(authority: str = "") -> ssl.SSLContext:
    """The authorities of the system, and another one (PEM)."""
    context = ssl.create_default_context()
    if authority.strip():
        context.load_verify_locations(cadata=authority)
    return context


def visit(
    host: str, path: str, context: ssl.SSLContext, address: str = "", port: int = 443, timeout: float = 10
) -> tuple[int, str]:
    """One GET.

    Args:
        host: the name that is asked for, and that the certificate has to have.
        path: path and query of the request.
        context: whom to trust.
        address: where to ask; empty is where the name leads to.
        port: of HTTPS.
        timeout: seconds for each step of it.

    Returns:
        The status and the body.

    Raises:
        OSError: there was no answer, or the certificate is not to be trusted.
    """
    connection = _Connection(host, address, port, context, timeout)
    try:
        connection.request("GET", path, headers={"Host": host, "User-Agent": AGENT})
        answer = connection.getresponse()
        return answer.status, answer.read(CHARACTERS).decode(errors="replace")
    except http.client.HTTPException as error:
        raise OSError(f"no HTTP answer: {error or type(error).__name__}") from error
    finally:
        connection.close()
