"""The rules of the plan, in the order in which the plan shows them, with descriptions.

`docs/plan.md` is generated from these descriptions, so every rule has to have one. It also shows
the first line of each rule's docstring.
"""

from collections.abc import Callable

from composeports.core.plan.change import RuleResult
from composeports.core.plan.rules import (
    addresses,
    commands,
    containers,
    environment,
    external_resources,
    folders,
    host_ports,
    images,
    kept_variables,
    labels,
    log_drivers,
    networks,
    ports,
    remote_engine,
    reverse_proxies,
    unsupported,
    volumes,
)
from composeports.core.plan.rules.context import PlanContext

Rule = Callable[[PlanContext], RuleResult]
# The rule, the kinds of change that it makes, and pairs (text in the file, what happens to it).
TABLE: tuple[tuple[Rule, tuple[str, ...], tuple[tuple[str, str], ...]], ...] = (
    (
        ports.variables,
        ("variable",),
        (
            (
                "one of the six variables",
                "is set where it moves published ports and URLs to them only, or is not mentioned",
            ),
            (
                "a variable that moves published ports (and URLs to them) only",
                "is set to the new port, for whatever else reads it",
            ),
            (
                "a variable that also moves a container port, a command, a URL",
                "stays as it is; only the host port changes",
            ),
            (
                "a variable that programs obey (`NODE_PORT`, `DOCKER_HOST`, `PATH`)",
                "is never set; only the host port changes",
            ),
        ),
    ),
    (
        kept_variables.kept_variables,
        (),
        (
            (
                (
                    "one of the four port variables that also moves a container port, a command, "
                    "or where a program listens"
                ),
                (
                    "keeps the user's value inside the stack, and only the host port becomes base "
                    "+ 0 to 3; listed as left"
                ),
            ),
            (
                "`SUPABASE_URL` with a value that leads elsewhere than to localhost",
                "keeps it inside the stack; listed as left",
            ),
        ),
    ),
    (
        ports.published_ports,
        ("port",),
        (
            (
                "a published host port, literal or from a variable",
                "gets a port of the block; address, protocol, mode and name stay",
            ),
            (
                "a range `8000-8010:8000-8010`",
                "as many ports of the block, side by side",
            ),
            ("a range for one port (`8000-8010:80`)", "one port of the block"),
            (
                'no host port (`"80"`)',
                "is left to the engine; `url` and the table of `up` show it",
            ),
            (
                "the same old number twice in a service (53/tcp and 53/udp)",
                "the same new number",
            ),
            ("the same old number in two services", "two numbers"),
            (
                "services behind profiles",
                "have their ports planned too, so that switching one on moves nothing",
            ),
            (
                '`up --default-ports`, or `main = "defaults"` in the main checkout',
                (
                    "the file's own ports, leased, so that no other session gets them; a port "
                    "that is in use is an error that names its user"
                ),
            ),
            (
                "a port that `pin` names",
                "always its number, held by one session at a time",
            ),
        ),
    ),
    (
        containers.container_names,
        ("container_name",),
        (
            (
                "`container_name: db`",
                "becomes `ac-<hash>-db`, and `db` stays a host name inside the stack",
            ),
        ),
    ),
    (
        containers.container_references,
        ("container_name",),
        (
            (
                (
                    "what refers to such a container (`network_mode: container:db`, "
                    "`volumes_from`, `external_links`)"
                ),
                "follows",
            ),
        ),
    ),
    (
        images.built_images,
        ("image",),
        (
            (
                "`build:` with a fixed `image:` or `tags:`",
                (
                    "the tag gets the session's suffix wherever the file names the image, by any "
                    "of its names (`shop`, `shop:latest`, `docker.io/library/shop`): services, "
                    "build arguments, `additional_contexts`, `cache_from`. A `FROM` in a "
                    "Dockerfile is not read: name such a base image by a build argument, or keep "
                    "tags shared with `[isolate] images = false`"
                ),
            ),
            (
                "`pull_policy` of an image that is built here",
                "becomes `never`, since no registry has the session's tag; `build` stays",
            ),
        ),
    ),
    (
        images.images_of_scripts,
        (),
        (
            (
                "an image without `build:` that a script or Makefile of the worktree builds",
                "a warning: all sessions run what was built last",
            ),
        ),
    ),
    (
        environment.values,
        ("url", "address", "image", "network", "volume", "container_name"),
        (
            (
                (
                    "`http(s)/ws(s)://localhost:8080` in `environment` or build arguments (also "
                    "127.0.0.1, 0.0.0.0, [::1]), without a number for 80 and 443"
                ),
                "the new number, where the old one is a moved port",
            ),
            (
                "the same where the engine is a remote one",
                "the engine's host as well (`http://build:10004`), also where the number stays",
            ),
            (
                (
                    "`host.docker.internal:5432`, with any scheme or none, and the other names of "
                    "the engine's machine: `172.17.0.1`, `host.containers.internal`, a name that "
                    "`extra_hosts` gives `host-gateway`"
                ),
                "the new number; the name stays",
            ),
            (
                (
                    "`localhost:8080` without a scheme in a variable named for HOST, DOMAIN, "
                    "ORIGIN, ALLOWED, CORS, SERVER_NAME, PUBLIC or EXTERNAL"
                ),
                "the new number",
            ),
            (
                "`DB_HOST` and `DB_PORT` that together lead to a moved port of the host",
                "the port gets the new number",
            ),
            (
                "advertised listeners (`KAFKA_ADVERTISED_LISTENERS: EXT://localhost:9092`)",
                "the new number, and a remote engine's host",
            ),
            ("an address of a fixed subnet in these values", "follows the subnet"),
            (
                (
                    "the name of an image, network, volume or container that has a new one "
                    "(`RUN_IMAGE: shop/app`), but for a plain word that may mean anything"
                ),
                "follows",
            ),
            (
                (
                    "health checks, `command`, labels, plain numbers (`PORT: 8080`), names of "
                    "services (`db:5432`), other schemes on localhost, variables named INTERNAL "
                    "or for where to listen, and what `[urls] keep` lists"
                ),
                "stay as they are; what has the number of a moved port is listed as left",
            ),
        ),
    ),
    (
        environment.config_contents,
        ("url",),
        (("`configs` with a `content:`", "are treated like `environment`"),),
    ),
    (
        commands.commands,
        ("url",),
        (
            (
                (
                    "an advertised address in `command` or `entrypoint` "
                    "(`--advertise-addr localhost:9092`)"
                ),
                (
                    "stays, with a warning; with `[urls] command = true` addresses in commands "
                    "follow"
                ),
            ),
        ),
    ),
    (
        volumes.named_volumes,
        ("volume",),
        (
            (
                "a volume with an explicit `name:`",
                "becomes `ac-<hash>_<name>`",
            ),
        ),
    ),
    (
        networks.named_networks,
        ("network",),
        (
            ("a network with an explicit `name:`", "becomes `ac-<hash>_<name>`, as a volume does"),
            ("a fixed bridge name", "gets the session's hash"),
        ),
    ),
    (
        external_resources.external_networks,
        ("network",),
        (
            (
                "an external network, also by `network_mode: NAME`",
                (
                    "stays shared and is listed: a warning that names the host names which other "
                    "stacks have there, too. `[isolate] external_networks` makes it the session's "
                    "own; `shared` says that it is meant, and there is no warning then"
                ),
            ),
            (
                (
                    "an external network that another Compose project of this worktree makes "
                    "(`infra_default`)"
                ),
                (
                    "leads to that project's session in this worktree, never to another "
                    "checkout's; a warning where that is not up"
                ),
            ),
        ),
    ),
    (
        external_resources.external_volumes,
        ("volume",),
        (
            (
                "an external volume",
                (
                    "is treated in the same way: a warning unless `shared` names it, and that of "
                    "another project of this worktree leads to its session"
                ),
            ),
        ),
    ),
    (
        networks.network_labels,
        ("label",),
        (
            (
                "the label `traefik.docker.network`",
                "follows the network that it names",
            ),
        ),
    ),
    (
        labels.marks,
        (),
        (
            (
                "every service, and each network and volume that the stack makes",
                (
                    "gets two labels, `io.composeports.store` and `io.composeports.session`, by "
                    "which `down` and `gc` know what is the session's; a volume or network that "
                    "is there already keeps the labels that it has"
                ),
            ),
        ),
    ),
    (
        volumes.volumes_of_other_stores,
        (),
        (
            (
                (
                    "a volume that is there, made by a session of the same name whose lease "
                    "is in another store"
                ),
                "told: `up --adopt` takes it over, `up --as-new` leaves it",
            ),
        ),
    ),
    (
        addresses.subnets,
        ("subnet", "address"),
        (
            (
                "a fixed subnet",
                (
                    "a free one of the pool 10.213.0.0/16 (IPv6: of `fd0d:c5e7::/32`), leased like "
                    "ports; gateways and static addresses keep their host part. One larger than "
                    "/20 is narrowed to /24, or to what its addresses need"
                ),
            ),
            (
                (
                    "no subnet, and the engine's own address pools are used up (29 networks on a "
                    "stock engine)"
                ),
                "`up` tries again with subnets of that pool, so that hundreds of stacks fit",
            ),
        ),
    ),
    (
        addresses.repeated_addresses,
        ("address",),
        (
            (
                "an address of a fixed subnet in `dns` or `extra_hosts`",
                "follows the subnet",
            ),
        ),
    ),
    (
        log_drivers.log_addresses,
        ("url",),
        (
            (
                (
                    "`logging` options with the address of a published port "
                    "(`fluentd-address`, `syslog-address`, `loki-url`, ...), and fluentd's default"
                ),
                "follow the port: the engine connects to it",
            ),
        ),
    ),
    (
        unsupported.limits,
        (),
        (
            (
                (
                    "`network_mode: host`; `ipc`, `pid` or `uts: host`; several replicas with a "
                    "fixed host port; containers of others; the engine's socket"
                ),
                "cannot be isolated: a warning, or with `--strict` an error",
            ),
        ),
    ),
    (
        host_ports.ports_of_others,
        (),
        (
            (
                "`host.docker.internal` with a port that another project publishes right now",
                "a warning: every session reaches that container",
            ),
        ),
    ),
    (
        folders.folders,
        (),
        (
            (
                (
                    "a folder or device outside of the worktree, by its real path (links are "
                    "followed), that is written, a build's local `cache_to` included; one of "
                    "another checkout that is read, also by a build; NFS, CIFS and other places "
                    "that `driver_opts` lead to"
                ),
                "a warning, unless the project's name is in the path, or `shared` has it",
            ),
        ),
    ),
    (
        folders.git_inside,
        (),
        (
            (
                "a worktree that is mounted without the repository's git folder",
                "a line that says what to mount",
            ),
        ),
    ),
    (
        reverse_proxies.proxy_names,
        (),
        (
            (
                (
                    "routers, services and rules of Traefik, sites of caddy-docker-proxy, "
                    "`VIRTUAL_HOST` of nginx-proxy that are the same in every session, on a shared "
                    "network or where a service has the engine's socket"
                ),
                "a warning: with `${COMPOSE_PROJECT_NAME}` in them each session has its own",
            ),
        ),
    ),
    (
        remote_engine.remote,
        (),
        (
            (
                (
                    "with a remote engine: bind mounts, configs and secrets from files, volumes "
                    "with a `device`"
                ),
                (
                    "are that machine's files, not this one's: a warning, or with `--strict` an "
                    "error"
                ),
            ),
            (
                "with a remote engine: a port published on 127.0.0.1",
                "is not reached from here: the same",
            ),
        ),
    ),
)
RULES: tuple[Rule, ...] = tuple(rule for rule, _, _ in TABLE)
