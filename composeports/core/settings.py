"""The settings of a repository in its `composeports.toml`, as a plain value."""

from collections.abc import Mapping
from typing import NamedTuple

from composeports.core.file_patterns import FilePattern
from composeports.core.project_name import HASH

SUBNET_POOL = "10.213.0.0/16"


class Settings(NamedTuple):
    """The settings of one repository; all of them are optional.

    `files` are absolute paths. `naming` says what the project name of a new session is made from
    (NAMINGS). `pins` maps a published port (`"web:3000/tcp"`) to a host port. `env` holds templates
    such as `postgresql://{host}:{db}/postgres`. `keep_urls` lists variables and URLs that are not
    changed. With `command_urls`, addresses in commands are changed too.

    `external_networks` are the external networks (by key or name) that become the session's own.
    True means all of them; False means none, and says that they are shared on purpose. `shared`
    lists other resources that are shared on purpose: `network:edge`, `volume:models`, or an
    absolute path. With `wait`, `up` waits until the services are healthy.

    `copy` selects files that git ignores, which a new worktree gets from the main checkout. `link`
    lists folders, as absolute paths, for which it gets links to those of the main checkout. `seed`
    names the session of this repository whose data fills new volumes. `after_first_up` and
    `after_up` are commands for `sh -c` that run after `up`, if this user has allowed them.
    """

    files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    prefix: str = "ac"
    naming: str = HASH
    pins: Mapping[str, int] = {}
    main_keeps_ports: bool = False
    strict: bool = False
    env: Mapping[str, str] = {}
    keep_urls: tuple[str, ...] = ()
    command_urls: bool = False
    isolate_images: bool = True
    isolate_volumes: bool = True
    isolate_networks: bool = True
    external_networks: bool | tuple[str, ...] | None = None
    shared: tuple[str, ...] = ()
    subnet_pool: str = SUBNET_POOL
    copy: tuple[FilePattern, ...] = ()
    link: tuple[str, ...] = ()
    wait: bool = False
    seed: str = ""
    after_first_up: str = ""
    after_up: str = ""


DEFAULTS = Settings()
