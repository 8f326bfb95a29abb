"""Who may talk to a farm: whoever holds its certificate, and that is the user who started it.

Without certificates anybody who reaches the port of a scheduler or worker runs code as its owner, from the same machine
even on 127.0.0.1. So each farm makes a certificate for itself, which ends with it. Workers on other machines find it in
files that only the user reads.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hpcpot.errors import ConfigError, DependencyError, FarmError
from hpcpot.farm.dask_settings import load, variable
from hpcpot.notices import notice

ROLES = ("client", "scheduler", "worker")
CERTIFICATE, KEY = "certificate.pem", "key.pem"
CONNECT_SECONDS = 20


def certificates() -> Any:
    """A certificate and key of a new farm, in memory.

    Raises:
        DependencyError: the package cryptography is not installed.
    """
    try:
        return load("distributed").Security.temporary()
    except ImportError as error:
        raise DependencyError(
            f"farm = cryptography cannot be imported ({error}): it makes the certificate by which a farm knows its "
            "workers; pip install 'hpcpot[farm]'."
        ) from error


def in_files(temporary: Any, parent: Path, stack: ExitStack) -> Any:
    """The same certificate in a folder for workers on other machines, removed when `stack` is left.

    Raises:
        ConfigError: `parent` cannot be written to, or has a name that a job script cannot hold.
    """
    where = f"farm.jobqueue: shared-temp-directory = {parent}"
    if shlex.quote(str(parent)) != str(parent):
        raise ConfigError(
            f"{where}: a path of letters, digits and _-./ is required, as it is written into the script of each job; "
            "name one that all nodes share, or run in a folder of such a name."
        )
    try:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".hpcpot-farm-", dir=parent)))
        for name, text in ((CERTIFICATE, temporary.tls_worker_cert), (KEY, temporary.tls_worker_key)):
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with open(descriptor, "w") as file:
                file.write(text)
    except OSError as error:
        raise ConfigError(
            f"{where} = cannot be written ({error.strerror}): workers find the certificate of the farm there; name a "
            "folder that all nodes share."
        ) from error
    return files(folder)


def files(folder: Path) -> Any:
    """The certificate and key in a folder, for all roles."""
    paths = {f"tls_{role}_cert": str(folder / CERTIFICATE) for role in ROLES}
    paths |= {f"tls_{role}_key": str(folder / KEY) for role in ROLES}
    return load("distributed").Security(require_encryption=True, tls_ca_file=str(folder / CERTIFICATE), **paths)


def warn(cluster: str) -> None:
    """Say what a farm without certificates means."""
    notice(
        f"farm.unencrypted at {cluster}",
        "true: anybody who reaches its ports, any user of this machine for one, runs code as you; set false where you can",
    )


def join(address: str) -> Any:
    """A client of a scheduler that is running already; with tls:// by the certificates that Dask's config names.

    Raises:
        ConfigError: the config names none. FarmError: no scheduler answers, or it refuses them.
    """
    distributed = load("distributed")
    by = ""
    if address.startswith("tls://"):
        given = distributed.Security().get_tls_config_for_role("client")
        absent = [name for name in ("ca_file", "cert") if not given[name]]
        if absent:
            names = {"ca_file": "distributed.comm.tls.ca-file", "cert": "distributed.comm.tls.client.cert"}
            missing = ", ".join(f"{names[name]} ({variable(names[name])})" for name in absent)
            raise ConfigError(
                f"farm.cluster = {address}: needs the certificates of that scheduler in Dask's config; set {missing}."
            )
        by = f" by the certificate {given['cert']}"
    try:
        return distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise FarmError(
            f"farm.cluster = {address}: no scheduler answers there{by} within {CONNECT_SECONDS} s; start one with "
            f"`dask scheduler`, and workers with `dask worker {address} --nthreads 1`, or give another address."
        ) from error
