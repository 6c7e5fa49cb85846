"""A bucket for the hosts of a lab: moto on the loopback, and TLS in front of it on the lab's network.

moto's own TLS ends connections in the middle of pgBackRest's uploads, so the encryption is done here and moto speaks plain HTTP behind it.
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"
# As AWS calls it: moto takes the first word of another name for a bucket.
NAME = f"s3.{REGION}.amazonaws.com"
KEY = "lab-access-key"


def certificate(directory: Path) -> None:
    """An authority and a certificate for the name: ``ca.pem``, ``cert.pem``, ``key.pem``."""
    common = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subprocess.run(
        [*common, "-subj", "/CN=authority of the tests", "-keyout", "ca.key", "-out", "ca.pem"],
        cwd=directory, check=True, capture_output=True,
    )  # fmt: skip
    subprocess.run(
        [*common, "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-addext", "basicConstraints=critical,CA:FALSE",
         "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=directory, check=True, capture_output=True,
    )  # fmt: skip


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, ssl.SSLError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with suppress(OSError, ssl.SSLError):
        writer.close()


class Proxy:
    """Ends TLS at an address, and hands on to a port of the loopback."""

    def __init__(self, address: str, directory: Path, port: int) -> None:
        self.loop = asyncio.new_event_loop()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
        self.behind = port
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        start = asyncio.start_server(self._serve, address, 0, ssl=self.context)
        self.server = asyncio.run_coroutine_threadsafe(start, self.loop).result(10)
        self.port = self.server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.behind)
        await asyncio.gather(_pump(reader, back), _pump(there, writer))

    def close(self) -> None:
        """Listen no more."""
        self.loop.call_soon_threadsafe(self.server.close)
        self.loop.call_soon_threadsafe(self.loop.stop)


@contextmanager
def bucket(name: str, address: str, directory: Path) -> Iterator[int]:
    """A bucket of that name, reached by TLS at an address of this machine; the port."""
    certificate(directory)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    _host, behind = moto.get_host_and_port()
    boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{behind}",
        region_name=REGION,
        aws_access_key_id=KEY,
        aws_secret_access_key=KEY,
    ).create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    proxy = Proxy(address, directory, behind)
    try:
        yield proxy.port
    finally:
        proxy.close()
        moto.stop()
