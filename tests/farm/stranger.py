"""What another user of this machine gets from the ports of a farm: a process that has no certificate of it, or its own."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil

NOBODY = 65534
SCRIPT = f"""
import asyncio, os, sys
import distributed.comm.tcp
from distributed import Security
from distributed.comm import connect
own = Security.temporary().get_connection_args("client")
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})

async def ask(address, arguments):
    try:
        comm = await connect(address, timeout=3, **arguments)
        await comm.write({{"op": "identity", "reply": True}})
        return (await comm.read())["type"]
    except (OSError, ValueError):  # tornado raises it for TLS to a port without
        return "refused"

async def main():
    for place in sys.argv[1:]:
        for scheme, arguments in (("tls", own), ("tcp", {{}})):
            print(await asyncio.wait_for(ask(f"{{scheme}}://{{place}}", arguments), 20))

asyncio.run(main())
"""
PAGES = ("", "health", "metrics", "info/main/workers.html", "json/identity.json", "api/v1/retire_workers")


def addresses(cluster: Any) -> list[str]:
    """Addresses of the scheduler, the nannies and the workers of a cluster, e.g. "tls://127.0.0.1:4321"."""
    workers = cluster.scheduler.workers.values()
    return [cluster.scheduler_address, *(place for worker in workers for place in (worker.address, worker.nanny))]


def listening() -> dict[int, str]:
    """Port -> address of all that this process and its children listen on."""
    here = psutil.Process()
    return _ports([here, *here.children(recursive=True)])


def of_jobs(folder: Path) -> dict[int, str]:
    """Port -> address of all that workers with certificates in `folder`, in jobs on this machine, listen on."""
    every = psutil.process_iter(["cmdline"])
    started = [process for process in every if str(folder) in " ".join(process.info["cmdline"] or [])]
    assert started
    return _ports([each for process in started for each in (process, *process.children(recursive=True))])


def _ports(processes: list[psutil.Process]) -> dict[int, str]:
    found = [entry for process in processes for entry in process.net_connections("inet")]
    return {entry.laddr.port: entry.laddr.ip for entry in found if entry.status == psutil.CONN_LISTEN}


def pages(port: int) -> set[int]:
    """HTTP status of the pages of Dask at a port."""
    found = set()
    for page in PAGES:
        try:
            found.add(urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=5).status)
        except urllib.error.HTTPError as error:
            found.add(error.code)
    return found


def asks(addresses: list[str]) -> set[str]:
    """All answers to somebody who is not root: kinds of servers, or "refused"."""
    arguments = [sys.executable, "-c", SCRIPT, *(address.partition("://")[2] for address in addresses)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())
