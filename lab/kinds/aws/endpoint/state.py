# SPDX-License-Identifier: MIT
"""What the account holds, on disk: an endpoint that was ended goes on where it stood, with the same names.

moto can record requests and play them back, but gives everything a new name then. Its objects are plain Python; a few kinds of them
need help to be pickled: private keys, certificates, functions that were made inside others, and locks.
"""

from __future__ import annotations

import copyreg
import io
import marshal
import pickle
import threading
import types
from collections import defaultdict
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from moto.core.base_backend import BackendDict

KEYS = (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)
LOCKS = (type(threading.Lock()), type(threading.RLock()))


def _key(pem: bytes) -> Any:
    return serialization.load_pem_private_key(pem, None)


def _certificate(pem: bytes) -> Any:
    return x509.load_pem_x509_certificate(pem)


def _function(module: str, code: bytes, defaults: Any, inside: tuple[Any, ...]) -> types.FunctionType:
    cells = tuple(types.CellType(value) for value in inside)
    return types.FunctionType(marshal.loads(code), vars(__import__(module, fromlist=["_"])), "kept", defaults, cells)  # noqa: S302


class _Pickler(pickle.Pickler):
    def reducer_override(self, thing: Any) -> Any:
        """How to make anew what pickle can't."""
        if isinstance(thing, KEYS):
            form = serialization.PrivateFormat.PKCS8
            return _key, (thing.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()),)
        if isinstance(thing, x509.Certificate):
            return _certificate, (thing.public_bytes(serialization.Encoding.PEM),)
        if isinstance(thing, defaultdict) and type(thing) is not defaultdict:
            # Its own class knows what a missing key has; Python would call that class as it calls a plain one.
            return copyreg.__newobj__, (type(thing),), vars(thing), None, iter(thing.items())
        if isinstance(thing, LOCKS):
            return (threading.RLock if isinstance(thing, LOCKS[1]) else threading.Lock), ()
        if isinstance(thing, types.FunctionType) and "<" in thing.__qualname__:
            inside = tuple(cell.cell_contents for cell in thing.__closure__ or ())
            return _function, (thing.__module__, marshal.dumps(thing.__code__), thing.__defaults__, inside)
        return NotImplemented


def dump() -> bytes:
    """Everything that the account holds."""
    held = {
        service.service_name: {account: dict(regions) for account, regions in service.items() if regions}
        for service in BackendDict._instances
    }
    buffer = io.BytesIO()
    _Pickler(buffer).dump(held)
    return buffer.getvalue()


def load(data: bytes) -> None:
    """Put back what `dump` gave."""
    from moto.backends import get_backend  # noqa: PLC0415 - seconds, where there is nothing to load

    for service, accounts in pickle.loads(data).items():  # noqa: S301 - our own file, readable by the owner alone
        for account, regions in accounts.items():
            for region, backend in regions.items():
                get_backend(service)[account][region] = backend


def save(path: Path) -> None:
    """Write the state; whoever is interrupted leaves the one before."""
    partial = path.with_suffix(".new")
    partial.touch(mode=0o600)
    partial.write_bytes(dump())
    partial.replace(path)
