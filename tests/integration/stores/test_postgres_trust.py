"""Other roles that may create objects in the database: none of these runs as the owner.

The owner here is a superuser: code that runs with its rights can make any role a superuser.
"""

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from composeports.core.engine_identity import EngineIdentity
from composeports.errors import StoreError
from composeports.stores.postgres.connection import connect
from composeports.stores.postgres.store import PostgresStore
from devkit.postgres import Server
from tests.harness.program import Done
from tests.support import postgres
from tests.support.documents import ROOT, blocks
from tests.support.machine import FakeDocker, Shell

pytestmark = pytest.mark.integration

OWN = EngineIdentity("engine-1", "host-1", "host-1", local=False)
PATH = "pg_catalog,pg_temp"
# What an owner does with a store; each has to be safe.
COMMANDS = (
    ("store", "create"),
    ("store", "info"),
    ("allocate",),
    ("doctor",),
    ("gc",),
    ("status", "--fleet"),
    ("release",),
)
# What tells of rights that are too much.
TELLING = (("store", "create"), ("store", "info"), ("doctor",))
TYPES = ("int2", "int4", "int8", "float8", "numeric", "text", "name", "bool", "xid", "timestamptz")
# Operators, what they return and what that is: as far as needed, what the server's own would say.
OPERATORS = {
    "=": ("bool", "$1::text OPERATOR(pg_catalog.=) $2::text"),
    "<>": ("bool", "$1::text OPERATOR(pg_catalog.<>) $2::text"),
    "||": ("text", "pg_catalog.textcat($1::text, $2::text)"),
    **dict.fromkeys(("<", ">", "<=", ">="), ("bool", "true")),
    **dict.fromkeys(("+", "-", "*"), ("{left}", "$1")),
}
_numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server whose roles these tests may change."""
    yield (started := postgres.start(f"trust-{postgres.NAME}"))
    postgres.stop(started)


class Database:
    """An empty database with its owner, a superuser, and a role that means harm."""

    def __init__(self, server: Server, shell: Shell) -> None:
        self._server = server
        self.name = postgres.new_database(server)
        self.role = f"mallory_{next(_numbers)}"
        self.url = server.tcp_url(self.name)
        self._shell = shell
        self.own(f"CREATE ROLE {self.role} LOGIN")

    def own(self, statement: str) -> list[tuple[object, ...]]:
        """Execute SQL as the owner, without code of this project."""
        with postgres.connected(self._server.socket_url(self.name)) as connection:
            connection.execute("SET search_path = pg_catalog")
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def attack(self, *statements: str) -> None:
        """Execute as the other role."""
        with self.attacker() as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def attacker(self) -> psycopg.Connection:
        url = self._server.socket_url(self.name, self.role)
        return psycopg.connect(url, autocommit=True)

    def grant(self) -> None:
        """Grant the other role what the documentation says."""
        (granted,) = blocks("docs/fleet.md", "sql")
        text = granted.text.replace("DATABASE ports", f"DATABASE {self.name}")
        self.own(text.replace("agents", self.role))

    def is_harmed(self) -> bool:
        """Return True if the other role has got the owner's rights."""
        found = self.own(f"SELECT rolsuper FROM pg_roles WHERE rolname = '{self.role}'")
        return found == [(True,)]

    def run(self, *arguments: str) -> Done:
        """Run composeports as the owner."""
        return self._shell.having(COMPOSEPORTS_STORE=self.url).run(*arguments)

    def harm(self, returns: str, value: str) -> str:
        """Return the body of a function that uses the rights of the role that runs it."""
        return (
            f"RETURNS {returns} LANGUAGE plpgsql AS $$ BEGIN"
            f" BEGIN ALTER ROLE {self.role} SUPERUSER; EXCEPTION WHEN OTHERS THEN NULL; END;"
            f" RETURN {value}; END $$"
        )


@pytest.fixture
def database(server: Server, shell: Shell, docker: FakeDocker) -> Database:
    names = {"COMPOSEPORTS_ENGINE": OWN.id, "COMPOSEPORTS_MACHINE": "ant"}
    return Database(server, shell.using(docker).having(**names))


# What names mean


def in_a_role(database: Database, _tmp: Path, _patch: pytest.MonkeyPatch) -> str:
    database.own("ALTER ROLE postgres SET search_path = public, pg_catalog")
    return database.url


def in_the_database(database: Database, _tmp: Path, _patch: pytest.MonkeyPatch) -> str:
    database.own(f"ALTER DATABASE {database.name} SET search_path = public, pg_catalog")
    return database.url


def in_the_url(database: Database, _tmp: Path, _patch: pytest.MonkeyPatch) -> str:
    return f"{database.url}?options=-csearch_path%3Dpublic%20-cstatement_timeout%3D7s"


def in_the_environment(database: Database, _tmp: Path, patch: pytest.MonkeyPatch) -> str:
    patch.setenv("PGOPTIONS", "-c search_path=public -c statement_timeout=7s")
    return database.url


def in_a_service(database: Database, tmp: Path, patch: pytest.MonkeyPatch) -> str:
    (tmp / "services").write_text(
        "[ports]\noptions=-c search_path=public -c statement_timeout=7s\n"
    )
    patch.setenv("PGSERVICEFILE", str(tmp / "services"))
    return f"{database.url}?service=ports"


def in_a_service_of_the_environment(
    database: Database, tmp: Path, patch: pytest.MonkeyPatch
) -> str:
    in_a_service(database, tmp, patch)
    patch.setenv("PGSERVICE", "ports")
    return database.url


@pytest.mark.parametrize(
    "lead_astray",
    [
        in_a_role,
        in_the_database,
        in_the_url,
        in_the_environment,
        in_a_service,
        in_a_service_of_the_environment,
    ],
)
def test_names_are_looked_for_among_the_server_s_own(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lead_astray: Callable[[Database, Path, pytest.MonkeyPatch], str],
) -> None:
    url = lead_astray(database, tmp_path, monkeypatch)
    try:
        with connect(url) as connection:
            (path,) = connection.execute("SHOW search_path").fetchone() or ("",)
            assert path.replace(" ", "") == PATH
            (timeout,) = connection.execute("SHOW statement_timeout").fetchone() or ("",)
    finally:
        database.own("ALTER ROLE postgres RESET search_path")
    kept = "0" if lead_astray in {in_a_role, in_the_database} else "7s"
    assert timeout == kept, "the user's other options are kept"


def plant_operators(database: Database) -> None:
    """Create in `public` operators that the server lacks, and operators that it has."""
    made = [f"CREATE FUNCTION public.harm() {database.harm('int', '1')}"]
    for left, right in itertools.product(TYPES, TYPES):
        for number, (operator, (returns, value)) in enumerate(OPERATORS.items()):
            name, arguments = f"public.harm_{number}", f"LEFTARG = {left}, RIGHTARG = {right}"
            made += [
                # What indexes and generated columns may call is IMMUTABLE, or says so.
                (
                    f"CREATE FUNCTION {name}({left}, {right}) RETURNS {returns.format(left=left)}"
                    " LANGUAGE plpgsql IMMUTABLE AS"
                    f" $$ BEGIN PERFORM public.harm(); RETURN {value}; END $$"
                ),
                f"CREATE OPERATOR public.{operator} ({arguments}, FUNCTION = {name})",
            ]
    database.attack("; ".join(made))


FUNCTIONS = (
    ("now()", "timestamptz", "pg_catalog.clock_timestamp()"),
    ("clock_timestamp()", "timestamptz", "pg_catalog.now()"),
    ("set_config(text, text, bool)", "text", "$2"),
    ("current_setting(text)", "text", "'true'"),
    ("chr(int4)", "text", "' '"),
    ('"left"(text, int4)', "text", "$1"),
    ('"right"(text, int4)', "text", "$1"),
    ("pg_is_in_recovery()", "bool", "false"),
    ("pg_try_advisory_xact_lock(int8)", "bool", "true"),
    ("pg_current_xact_id()", "xid8", "'1'::xid8"),
    ("to_regclass(text)", "regclass", "'pg_class'::regclass"),
    ("has_table_privilege(oid, text)", "bool", "true"),
)


def plant_functions(database: Database) -> None:
    """Make functions of the names of the server's own in `public`."""
    database.attack(
        *(
            f"CREATE FUNCTION public.{name} {database.harm(returns, value)}"
            for name, returns, value in FUNCTIONS
        )
    )


@pytest.mark.parametrize("path", ["", "public, pg_catalog"])
@pytest.mark.parametrize("plant", [plant_operators, plant_functions])
def test_operators_and_functions_of_others_are_never_called(
    database: Database, plant: Callable[[Database], None], path: str
) -> None:
    database.own(f"GRANT CREATE ON SCHEMA public TO {database.role}")
    plant(database)
    if path:
        database.own(f"ALTER DATABASE {database.name} SET search_path = {path}")
    for command in COMMANDS:
        done = database.run(*command)
        assert not database.is_harmed(), command
        assert done.code in {0, 1}, (command, done.err)
    # An engine that has been seen before, as on every day but the first.
    database.own(f"INSERT INTO composeports.engines VALUES ('{OWN.id}', 'a', 'b', 0)")
    for command in (("allocate",), ("release",)):
        assert database.run(*command).code == 0
        assert not database.is_harmed(), command


def test_functions_that_others_plant_do_harm_where_they_are_called(database: Database) -> None:
    """The attack itself: without it, the tests above would show nothing."""
    database.own(f"GRANT CREATE ON SCHEMA public TO {database.role}")
    plant_operators(database)
    assert not database.is_harmed()
    database.own("SET search_path = pg_catalog, public; SELECT 1.0::float8 > 1.0::numeric")
    assert database.is_harmed()


# Owners of the tables


def refused(database: Database, *named: str) -> None:
    """Assert that all commands name the problem, and change nothing."""
    for command in (("store", "create"), ("store", "info"), ("allocate",), ("doctor",)):
        done = database.run(*command)
        assert not database.is_harmed(), command
        said = done.out + done.err
        assert all(each in said for each in named), (command, said)
        if command != ("doctor",):
            assert done.code == 78, (command, said)


def test_a_schema_that_somebody_else_made_is_refused(database: Database) -> None:
    database.own(f"GRANT CREATE ON DATABASE {database.name} TO {database.role}")
    database.attack(
        "CREATE SCHEMA composeports",
        f"CREATE FUNCTION composeports.harm() {database.harm('int', '1')}",
        "CREATE VIEW composeports.meta AS SELECT composeports.harm() AS format",
    )
    refused(database, "the schema composeports", database.role)


def test_an_empty_schema_of_somebody_else_is_refused(database: Database) -> None:
    database.own(f"GRANT CREATE ON DATABASE {database.name} TO {database.role}")
    database.attack("CREATE SCHEMA composeports")
    refused(database, "the schema composeports", database.role)


def test_a_table_that_somebody_else_put_into_the_schema_is_refused(database: Database) -> None:
    database.own("CREATE SCHEMA composeports")
    database.own(f"GRANT USAGE, CREATE ON SCHEMA composeports TO {database.role}")
    database.attack(
        f"CREATE FUNCTION composeports.harm() {database.harm('int', '1')}",
        "CREATE VIEW composeports.meta AS SELECT composeports.harm() AS format",
    )
    refused(database, "composeports.meta", database.role)


@pytest.mark.parametrize("table", ["leases", "engines"])
def test_a_trigger_of_somebody_else_is_refused(database: Database, table: str) -> None:
    assert database.run("store", "create").code == 0
    database.grant()
    database.own(f"GRANT TRIGGER ON composeports.{table} TO {database.role}")
    database.own(f"GRANT CREATE ON SCHEMA public TO {database.role}")
    database.attack(
        f"CREATE FUNCTION public.harm() {database.harm('trigger', 'NEW')}",
        f"CREATE TRIGGER harm BEFORE INSERT OR UPDATE OR DELETE ON composeports.{table}"
        " FOR EACH ROW EXECUTE FUNCTION public.harm()",
    )
    refused(database, f"the trigger harm of composeports.{table}", database.role)


def test_a_trigger_of_the_owner_is_the_owner_s_business(database: Database) -> None:
    assert database.run("store", "create").code == 0
    database.own(
        "CREATE FUNCTION public.noted() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN NEW; END $$"
    )
    database.own(
        "CREATE TRIGGER noted BEFORE INSERT ON composeports.leases"
        " FOR EACH ROW EXECUTE FUNCTION public.noted()"
    )
    assert database.run("allocate").code == 0


def test_a_member_uses_the_store_of_an_owner_who_is_no_superuser(
    server: Server, database: Database
) -> None:
    renewer = f"keeper_{database.name}"
    database.own(f"CREATE ROLE {renewer} LOGIN")
    database.own(f"GRANT CREATE ON DATABASE {database.name} TO {renewer}")
    for user in (renewer, database.role):
        store = PostgresStore(server.socket_url(database.name, user), engine=lambda: OWN)
        if user == renewer:
            store.create()
            database.grant()
        assert store.held() == []
        store.close()
    powerful = PostgresStore(database.url, engine=lambda: OWN)
    with pytest.raises(StoreError, match=renewer) as error:
        powerful.held()
    assert error.value.exit_code == 78
    powerful.close()


# What members may do


def test_members_may_not_change_what_the_store_says_of_itself(database: Database) -> None:
    assert database.run("store", "create").code == 0
    database.grant()
    with database.attacker() as member:
        for statement in (
            "UPDATE composeports.meta SET format = 99",
            "DELETE FROM composeports.meta",
            "INSERT INTO composeports.meta VALUES (1)",
            "TRUNCATE composeports.leases",
            "CREATE TABLE composeports.more (a int)",
            (
                "CREATE TRIGGER t BEFORE INSERT ON composeports.leases"
                " FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
            ),
            "CREATE RULE r AS ON INSERT TO composeports.leases DO ALSO NOTHING",
            "CREATE TABLE public.more (a int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                member.execute(sql.SQL(statement))


def test_the_readme_grants_what_the_page_grants() -> None:
    (granted,) = blocks("docs/fleet.md", "sql")
    lines = re.findall(r'^psql ports -c "(.+)"$', (ROOT / "README.md").read_text(), re.MULTILINE)
    assert [f"{line};" for line in lines] == granted.text.splitlines()
    assert "REVOKE CREATE ON SCHEMA public FROM PUBLIC" in lines


def test_rights_that_nobody_should_have_are_told_with_the_lines_that_take_them(
    database: Database,
) -> None:
    role = database.role
    database.own("GRANT CREATE ON SCHEMA public TO PUBLIC")
    database.own("CREATE SCHEMA composeports")
    database.own(f"GRANT USAGE, CREATE ON SCHEMA composeports TO {role}")
    made = database.run("store", "create")
    assert made.code == 0, made.err
    database.own(f"GRANT ALL ON ALL TABLES IN SCHEMA composeports TO {role}")
    wanted = {
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"REVOKE CREATE ON SCHEMA composeports FROM {role}",
        (
            "REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON composeports.meta"
            f" FROM {role}"
        ),
        f"REVOKE TRUNCATE, REFERENCES, TRIGGER ON composeports.leases FROM {role}",
        f"REVOKE TRUNCATE, REFERENCES, TRIGGER ON composeports.engines FROM {role}",
        f"REVOKE TRUNCATE, REFERENCES, TRIGGER ON composeports.set_aside FROM {role}",
    }
    assert "REVOKE CREATE ON SCHEMA public FROM PUBLIC" in made.err
    assert f"REVOKE CREATE ON SCHEMA composeports FROM {role}" in made.err
    for command in ("create", "info"):
        done = database.run("store", command)
        assert done.code == 0
        said = done.err
        assert {each for each in wanted if each in said} == wanted, said
    found = database.run("doctor").out
    assert {each for each in wanted if each in found} == wanted, found
    for line in wanted:
        database.own(line)
    for words in TELLING:
        done = database.run(*words)
        assert "REVOKE" not in done.out + done.err


def test_a_store_that_is_granted_as_the_documentation_says_is_no_news(database: Database) -> None:
    database.run("store", "create")
    database.grant()
    for words in TELLING:
        done = database.run(*words)
        assert "REVOKE" not in done.out + done.err
