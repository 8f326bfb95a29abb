"""Nobody but the user who started a farm talks to it."""

import os
import stat
from contextlib import ExitStack
from pathlib import Path

import farm_tasks
import pytest
from farm import stranger

from hpcpot.errors import ConfigError, DependencyError, FarmError
from hpcpot.farm import security
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.item import Item
from hpcpot.farm.pool import WorkerPool
from hpcpot.notices import InputNotice

dask = pytest.importorskip("dask", reason="pip install 'hpcpot[farm]'")
pytest.importorskip("cryptography", reason="pip install 'hpcpot[farm]'")
ITEMS = [Item(str(x), x) for x in range(4)]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")


@pytest.fixture(scope="module")
def others() -> set[int]:
    """Ports of this process from before the farm, as of farms of other tests that are not yet closed."""
    return set(stranger.listening())


@pytest.fixture(scope="module")
def farm(others):
    with WorkerPool(farm_settings.defaults(workers=1)) as farm:
        assert len(list(farm.run(farm_tasks.square, ITEMS))) == len(ITEMS)
        yield farm


def test_a_local_farm_listens_here_alone_and_by_certificates(farm):
    assert farm._cluster.scheduler_address.startswith("tls://127.0.0.1:")
    assert set(stranger.listening().values()) == {"127.0.0.1"}


@needs_root
def test_another_user_is_refused(farm):
    addresses = stranger.addresses(farm._cluster)
    assert len(set(addresses)) == 3, "the scheduler, a worker, and its nanny"
    assert stranger.asks(addresses) == {"refused"}


def test_http_serves_nothing(farm, others):
    known = {int(address.rpartition(":")[2]) for address in stranger.addresses(farm._cluster)}
    http = stranger.listening().keys() - known - others
    assert len(http) == 2, "of the scheduler and the worker"
    assert [stranger.pages(port) for port in http] == [{404}, {404}]


@needs_root
def test_without_certificates_another_user_is_answered():
    """What the test above would find if certificates did nothing."""
    with pytest.warns(
        InputNotice, match="farm.unencrypted at local = true: .*runs code as you; set false where you can"
    ):
        with WorkerPool(farm_settings.defaults(workers=1, unencrypted=True)) as farm:
            assert len(list(farm.run(farm_tasks.square, ITEMS))) == len(ITEMS)
            addresses = stranger.addresses(farm._cluster)
            assert all(address.startswith("tcp://127.0.0.1:") for address in addresses)
            assert stranger.asks(addresses) == {"refused", "Scheduler", "Worker", "Nanny"}


@pytest.mark.parametrize("scheme", ["tcp", "ucx"])
def test_a_scheduler_without_certificates_needs_the_option(scheme):
    with pytest.raises(
        ConfigError, match=f"farm.cluster = {scheme}://.*: has no certificates, .*tls://, or set farm.unenc"
    ):
        WorkerPool(farm_settings.defaults(cluster=f"{scheme}://127.0.0.1:9"))


def test_the_option_does_nothing_for_tls():
    with pytest.raises(ConfigError, match="farm.unencrypted = true: cannot hold for tls://; set false"):
        WorkerPool(farm_settings.defaults(cluster="tls://127.0.0.1:9", unencrypted=True))


def config_of(own) -> dict[str, str]:
    keys = {"ca-file": own.tls_ca_file, "client.cert": own.tls_client_cert, "client.key": own.tls_client_key}
    return {f"distributed.comm.tls.{name}": path for name, path in keys.items()}


def test_joins_a_scheduler_by_the_certificates_of_dasks_config(farm, tmp_path, monkeypatch):
    address = farm._cluster.scheduler_address
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(config_of(security.in_files(farm._cluster.security, tmp_path, stack))))
        with WorkerPool(farm_settings.defaults(cluster=address)) as joined:
            assert len(list(joined.run(farm_tasks.square, ITEMS))) == len(ITEMS)
        others = security.in_files(security.certificates(), tmp_path, stack)
        monkeypatch.setattr(security, "CONNECT_SECONDS", 1)
        with (
            dask.config.set(config_of(others)),
            pytest.raises(FarmError, match="no scheduler answers there by the cert"),
        ):
            list(WorkerPool(farm_settings.defaults(cluster=address)).run(farm_tasks.square, ITEMS))


def test_tls_without_certificates():
    words = r"tls://127.0.0.1:9: needs the certificates of that scheduler in Dask's config; set distributed.comm.tls.ca-file"
    with pytest.raises(ConfigError, match=words):
        list(WorkerPool(farm_settings.defaults(cluster="tls://127.0.0.1:9")).run(farm_tasks.square, ITEMS))


def test_keys_in_files_are_for_the_user_alone_and_end_with_the_farm(tmp_path):
    before = os.umask(0)
    try:
        with ExitStack() as stack:
            own = security.in_files(security.certificates(), tmp_path, stack)
            folder = Path(own.tls_worker_key).parent
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}
            assert modes == {folder.name: 0o700, "key.pem": 0o600, "certificate.pem": 0o600}
            assert own.require_encryption and "PRIVATE KEY" in Path(own.tls_worker_key).read_text()
    finally:
        os.umask(before)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "message"), [("absent", "cannot be written .No such file"), ("a b", "a path of letters, digits")]
)
def test_a_folder_that_cannot_hold_them(tmp_path, name, message):
    with pytest.raises(ConfigError, match=message), ExitStack() as stack:
        security.in_files(security.certificates(), tmp_path / name, stack)


def test_without_cryptography(monkeypatch):
    def fail():
        raise ImportError("no cryptography")

    monkeypatch.setattr("distributed.Security.temporary", fail)
    with pytest.raises(DependencyError, match=r"farm = cryptography cannot be imported .*pip install 'hpcpot\[farm\]'"):
        security.certificates()
