"""TLS, passwords and services from libpq's settings; and a server disk that is really full."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from composeports.core.allocation import release
from composeports.core.engine_identity import EngineIdentity
from composeports.core.lease import Lease
from composeports.core.ports import PortBlock
from composeports.core.session import project_name
from composeports.core.snapshot import StoreSnapshot, StoreUpdate
from composeports.errors import ComposeportsError, StoreServerError
from composeports.stores.postgres.store import PostgresStore
from devkit.postgres import Server
from tests.harness.disks import small_disk
from tests.harness.program import output
from tests.support import postgres

pytestmark = pytest.mark.integration

OWN = EngineIdentity("one", "host-1", "one.example", local=False)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")


def lease_named(name: str) -> Lease:
    return Lease(name, PortBlock(10000, 10), project_name(name), 1.0, 2.0)


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a certificate for localhost that vouches for itself; return it and its key."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    named = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    new = ("-newkey", "rsa:2048", "-nodes", "-days", "2")
    out = ("-out", str(certificate), "-keyout", str(key))
    argv = ["openssl", "req", "-x509", *new, *named, *out]
    output(*argv)
    key.chmod(0o600)
    return certificate, key


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    """A server that speaks TLS, with a certificate for localhost."""
    certificate, key = make_certificate(folder, "server")
    settings = {"ssl": "on", "ssl_cert_file": str(certificate), "ssl_key_file": str(key)}
    yield (started := postgres.start(f"tls-{postgres.NAME}", settings))
    postgres.stop(started)


@pytest.fixture
def database(server: Server) -> str:
    return postgres.new_database(server)


def use(url: str) -> None:
    """Take a lease there, and give it back."""
    store = PostgresStore(url, engine=lambda: OWN, wait_seconds=5)
    try:
        store.update("a", lambda _: StoreUpdate(lease_named("a")))
        assert [lease.session_id for lease in store.held()] == ["a"]
        store.update("a", release)
    finally:
        store.close()


def told_to(url: str) -> ComposeportsError:
    with pytest.raises(StoreServerError) as error:
        use(url)
    assert error.value.exit_code == 69
    return error.value


def url_of(server: Server, database: str, **more: str) -> str:
    query = "&".join(f"{name}={value}" for name, value in more.items())
    port = server.address[1]
    return f"postgresql://postgres:{server.password}@localhost:{port}/{database}?{query}"


def test_a_server_that_proves_who_it_is_is_used(
    server: Server, database: str, folder: Path
) -> None:
    use(url_of(server, database, sslmode="verify-full", sslrootcert=str(folder / "server.crt")))


def test_a_server_that_cannot_prove_it_is_refused(
    server: Server, database: str, folder: Path
) -> None:
    other, _ = make_certificate(folder, "other")
    error = told_to(url_of(server, database, sslmode="verify-full", sslrootcert=str(other)))
    assert "certificate" in error.message
    assert server.password not in error.message + error.hint


def test_a_certificate_for_another_name_is_refused(
    server: Server, database: str, folder: Path
) -> None:
    url = url_of(server, database, sslmode="verify-full", sslrootcert=str(folder / "server.crt"))
    error = told_to(url.replace("@localhost", "@127.0.0.1"))
    assert "127.0.0.1" in error.message


def test_services_and_passwords_come_from_libpq_s_own_files(
    server: Server, database: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, passwords = tmp_path / "services", tmp_path / "passwords"
    port, certificate = server.address[1], folder / "server.crt"
    service.write_text(
        f"[ports]\nhost=localhost\nport={port}\nuser=postgres\ndbname={database}\n"
        f"sslmode=verify-full\nsslrootcert={certificate}\n"
    )
    passwords.write_text(f"localhost:{port}:{database}:postgres:{server.password}\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGSERVICEFILE", str(service))
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    use("postgresql:///?service=ports")
    passwords.write_text(f"localhost:{port}:{database}:postgres:another\n")
    told_to("postgresql:///?service=ports")


# A full disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    with small_disk(tmp_path / "small", "2m", "0777") as mounted:
        yield mounted


@needs_root
def test_a_disk_that_is_full_there_costs_a_clear_word_and_nothing_else(
    server: Server, database: str, disk: Path
) -> None:
    url = server.socket_url(database)
    store = PostgresStore(url, engine=lambda: OWN, wait_seconds=5)
    store.create()
    tables = disk / "tables"
    tables.mkdir(mode=0o777)
    owner = os.stat(server.data)
    os.chown(tables, owner.st_uid, owner.st_gid)
    for folder in (*disk.parents[:3],):
        folder.chmod(0o755)
    with postgres.connected(url) as admin:
        admin.execute(f"CREATE TABLESPACE small LOCATION '{tables}'")
        admin.execute("ALTER TABLE composeports.leases SET TABLESPACE small")
    given: list[str] = []
    try:
        with pytest.raises(StoreServerError, match="no space left") as error:
            _fill(store, given)
        assert len(given) > 100
        assert error.value.exit_code == 69
        known = {lease.session_id for lease in store.known()}
        assert known == set(given), "what was given out is there, and nothing else"
        store.update(given[0], lambda _: StoreUpdate(forget=True))
    finally:
        store.close()
        _drop(url)


def _fill(store: PostgresStore, given: list[str]) -> None:
    for number in range(100_000):
        name = f"session-{number}"
        store.update(name, partial(_new, name=name))
        given.append(name)


def _new(_: StoreSnapshot, *, name: str) -> StoreUpdate:
    """Remember a session with a lot to remember, so that the disk is soon full."""
    lease = lease_named(name)._replace(environment=(("MUCH", "x" * 1500),))
    return StoreUpdate(lease.released())


def _drop(url: str) -> None:
    with postgres.connected(url) as admin:
        admin.execute("DROP SCHEMA composeports CASCADE")
        admin.execute("DROP TABLESPACE small")


def test_the_connection_is_encrypted(server: Server, database: str, folder: Path) -> None:
    url = url_of(server, database, sslmode="verify-full", sslrootcert=str(folder / "server.crt"))
    store = PostgresStore(url, engine=lambda: OWN)
    try:
        store.update("a", lambda _: StoreUpdate(lease_named("a")))
        with psycopg.connect(server.socket_url(database)) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
                " WHERE datname = %s AND ssl",
                (database,),
            ).fetchone()
        assert row == (1,)
    finally:
        store.close()
