"""What a repository settles for itself in `composeports.toml`; a plain value."""

from collections.abc import Mapping
from typing import NamedTuple

SUBNET_POOL = "10.213.0.0/16"


class Settings(NamedTuple):
    """The settings of one repository, all optional.

    `files` are absolute. `pins` maps a published port (`"web:3000/tcp"`) to a host port. `env`
    holds templates such as `postgresql://{host}:{db}/postgres`. `keep_urls` lists variables and
    URLs that stay as they are; `command_urls` lets addresses in commands follow.
    `external_networks` are those (by key or name) that become the session's own: all with True,
    none with False, which says that they are shared on purpose. `shared` lists what else is:
    `network:edge`, `volume:models`, or an absolute path.
    """

    files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    prefix: str = "ac"
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
