"""A host and a port in two places of one value."""

import pytest

from composeports.core.plan.host_port_pairs import ports_in_settings, with_new_ports
from composeports.core.plan.local_urls import ENGINE_HOSTS

HOST = "host.docker.internal"


def moved(text: str) -> str:
    return with_new_ports(text, ENGINE_HOSTS, {5432: 10004, 1433: 10005}.get)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (f"host={HOST} port=5432 user=x", f"host={HOST} port=10004 user=x"),
        (f"port=5432 host={HOST}", f"port=10004 host={HOST}"),
        (f"hostaddr={HOST}  port = 5432", f"hostaddr={HOST}  port = 10004"),
        (f"server={HOST},1433;database=x", f"server={HOST},10005;database=x"),
        (f"Data Source={HOST.upper()},1433", f"Data Source={HOST.upper()},10005"),
        ("Server=172.17.0.1;Port=5432;", "Server=172.17.0.1;Port=10004;"),
        (
            f'{{"db": {{"host": "{HOST}", "port": 5432}}}}',
            f'{{"db": {{"host": "{HOST}", "port": 10004}}}}',
        ),
        (f"{{'port':'5432','hostname':'{HOST}'}}", f"{{'port':'10004','hostname':'{HOST}'}}"),
        (f"-Ddb.host={HOST} -Ddb.port=5432", f"-Ddb.host={HOST} -Ddb.port=10004"),
        (
            f"-Ddb.host={HOST} -Ddb.port=5432 -Dmq.host=mq -Dmq.port=5432",
            f"-Ddb.host={HOST} -Ddb.port=10004 -Dmq.host=mq -Dmq.port=5432",
        ),
        (f"dbHost={HOST};dbPort=5432", f"dbHost={HOST};dbPort=10004"),
        (f"DB_HOST={HOST} DB_PORT=5432", f"DB_HOST={HOST} DB_PORT=10004"),
        (f"host={HOST} port=1433 port=5432", f"host={HOST} port=10005 port=10004"),
    ],
)
def test_the_port_of_the_host_moves(text: str, after: str) -> None:
    assert moved(text) == after


@pytest.mark.parametrize(
    "text",
    [
        "host=db port=5432",
        "server=db.example,1433",
        f"host={HOST} port=54321",
        f"host={HOST} port=5432.5",
        f"host={HOST} port=80",
        f"{HOST} 5432",
        f"a.host={HOST} b.host=db port=5432",
        f"host={HOST} report=5432",
        f"host={HOST} port=5432x",
        f"x-{HOST},1433",
        "",
    ],
)
def test_any_other_text_stays(text: str) -> None:
    assert moved(text) == text


def test_a_long_word_takes_no_time() -> None:
    text = f"{HOST} " + "port" * 200_000 + "=" + "a." * 200_000
    assert list(ports_in_settings(text, ENGINE_HOSTS)) == []
