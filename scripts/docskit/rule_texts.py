"""Descriptions of the plan's rules, in the order of the rules, for docs/plan.md.

Every rule of the package has to have one. The page also shows the first line of each rule's
docstring.
"""

from composeports.core.plan.rules import (
    addresses,
    after_up,
    base_images,
    build_networks,
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
    missing_files,
    mounted_files,
    networks,
    ports,
    remote_engine,
    reverse_proxies,
    scripts,
    unsupported,
    volumes,
)
from composeports.core.plan.rules.registry import Rule

# The rule, the kinds of change that it makes, and pairs (text in the file, what happens to it).
TABLE: tuple[tuple[Rule, tuple[str, ...], tuple[tuple[str, str], ...]], ...] = (
    (
        ports.variables,
        ("variable",),
        (
            (
                "one of the six fixed variables",
                (
                    "gets the session's value if it moves only published ports and URLs to them, "
                    "if the file does not mention it, or if the file demands it and the user gives "
                    "no value"
                ),
            ),
            (
                "a variable that moves only published ports and URLs to them",
                "gets the new port, so that programs that read it use the same port",
            ),
            (
                "a variable that also moves a container port, a command or another URL",
                "is not changed; only the host port changes",
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
                    "one of the four fixed port variables that also moves a container port, a "
                    "command, or the address where a program listens"
                ),
                (
                    "keeps the user's value inside the stack; only the host port becomes base + 0 "
                    'to 3; the plan lists it in `left` ("Seen, left as it is")'
                ),
            ),
            (
                "`SUPABASE_URL` with a value that leads to another place than localhost",
                "keeps its value inside the stack; the plan lists it in `left`",
            ),
        ),
    ),
    (
        ports.published_ports,
        ("port",),
        (
            (
                "a published host port, written as a number or set by a variable",
                "gets a port of the block; address, protocol, mode and name stay the same",
            ),
            (
                "a range `8000-8010:8000-8010`",
                "gets as many ports of the block, consecutive ones if possible",
            ),
            ("a range for one port (`8000-8010:80`)", "gets one port of the block"),
            (
                'no host port (`"80"`)',
                "the engine chooses the host port; `url` and the table of `up` show it",
            ),
            (
                "the same old host port twice in one service (53/tcp and 53/udp)",
                "both get the same new port",
            ),
            ("the same old host port in two services", "each service gets its own new port"),
            (
                "a service with `profiles`",
                (
                    "gets ports in the plan even if its profile is off, so that turning a profile "
                    "on moves no port"
                ),
            ),
            (
                '`up --default-ports`, or `main = "defaults"` in the main checkout',
                (
                    "the session uses the file's own ports and leases them, so that no other "
                    "session gets them; a port that is in use is an error that names the session, "
                    "container or process that uses it"
                ),
            ),
            (
                "a port that `pin` names",
                "always gets the number in `pin`; one session at a time can have it",
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
        containers.default_host_names,
        ("container_name",),
        (
            (
                "a value, command or health check with `shop-db-1`, plain Compose's container name",
                "stays: the name becomes a host name of the session's container inside the stack",
            ),
        ),
    ),
    (
        containers.container_references,
        ("container_name",),
        (
            (
                (
                    "a reference to such a container (`network_mode: container:db`, "
                    "`volumes_from`, `external_links`)"
                ),
                "gets the new name",
            ),
            (
                (
                    "the same with a name that plain Compose makes (`container:shop-db-1`), where "
                    "`shop` is the `name` in the file, COMPOSE_PROJECT_NAME, or the folder's name "
                    "here or in the main checkout"
                ),
                "gets the name of this session's container",
            ),
        ),
    ),
    (
        scripts.script_calls,
        (),
        (
            (
                (
                    "a script or Makefile of the worktree that calls `docker` with the name of a "
                    "container, volume, network or built image of the stack, also with a name that "
                    "plain Compose makes (`docker exec shop-db-1`, `docker volume rm shop_data`), "
                    "or with a variable to which the script gives such a name"
                ),
                (
                    "stays, with a warning. `composeports env -- CMD` runs the script with the "
                    'session\'s names; `shared = ["script:seed.sh"]` accepts the script'
                ),
            ),
            (
                "`docker system prune`, `volume prune`, `network prune`, `container prune` there",
                "stays, with a warning: it removes what other sessions have stopped",
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
                    "the tag gets the session's suffix in every place where the file names the "
                    "image, by any of its names (`shop`, `shop:latest`, `docker.io/library/shop`): "
                    "services, build arguments, `additional_contexts`, `cache_from`, `cache_to`, "
                    "volumes of `type: image`, and Dockerfiles (next rows). `[isolate] images = "
                    "false` keeps tags shared"
                ),
            ),
            (
                (
                    "a service that runs an image which plain Compose names after the project "
                    "(`image: shop-app` beside a service `app` with `build:` and without `image:`)"
                ),
                "runs the image that this session builds (`ac-<hash>-app`)",
            ),
            (
                "`pull_policy` of an image that the file builds",
                "becomes `never`, because no registry has the session's tag; `build` stays",
            ),
        ),
    ),
    (
        base_images.base_images,
        ("image",),
        (
            (
                (
                    "`FROM`, `COPY --from` or `RUN --mount=from` in a Dockerfile, or in "
                    "`dockerfile_inline`, with an image that another service builds, by any of its "
                    "names or by the default of an `ARG`"
                ),
                (
                    "gets the session's image, by an entry in `additional_contexts`. Like plain "
                    "Compose, the build needs that image to exist: build it first"
                ),
            ),
            (
                (
                    "the same, with `DOCKER_BUILDKIT=0`, Podman, Docker Engine before 23, a "
                    "builder whose driver is not `docker`, or a stage of the same name"
                ),
                (
                    "if the whole name is the default of an `ARG`, it gets the session's image as "
                    "a build argument; otherwise a warning, or an error with `--strict`"
                ),
            ),
            (
                "the same, with a build argument as a part of the name (`FROM ${IMAGE}:${TAG}`)",
                "is done in the same way; the argument stays",
            ),
            (
                "`pull: true` of a build that gets the session's image in one of these ways",
                "becomes `false`, because no registry has the session's tag",
            ),
            (
                "the same, in a Dockerfile that is not on this machine (a git URL as `context`)",
                "is not changed",
            ),
        ),
    ),
    (
        images.images_of_scripts,
        (),
        (
            (
                "an image without `build:` that a script or Makefile of the worktree builds",
                "a warning: all sessions run the image that was built last",
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
                    "with 127.0.0.1, 0.0.0.0 or [::1]; for ports 80 and 443 also without a number)"
                ),
                "gets the new number if the old one is the number of a moved port",
            ),
            (
                "the same, with a remote engine",
                "gets the engine's host, too (`http://build:10004`), even if the number stays",
            ),
            (
                (
                    "`host.docker.internal:5432`, with any scheme or none, and the other names of "
                    "the engine's machine: `172.17.0.1`, `host.containers.internal`, a name to "
                    "which `extra_hosts` gives `host-gateway`"
                ),
                (
                    "gets the new number; the name stays. Without a port, it is the one of the "
                    "scheme (`postgres://host.docker.internal/shop`)"
                ),
            ),
            (
                "`localhost:5432`, with any scheme or none, in a service on the host's network",
                "gets the new number",
            ),
            (
                (
                    "such a name and its port as two settings of one value (`host=172.17.0.1 "
                    "port=5432`, `Server=host.docker.internal,1433`, JSON, `-Ddb.host=... "
                    "-Ddb.port=...`)"
                ),
                "the port gets the new number",
            ),
            (
                (
                    "`localhost:8080` without a scheme, if the variable's name contains HOST, "
                    "DOMAIN, ORIGIN, ALLOWED, CORS, SERVER_NAME, PUBLIC or EXTERNAL"
                ),
                "gets the new number",
            ),
            (
                (
                    "names below localhost (`http://shop.localhost:8080`), and `lvh.me`, "
                    "`localtest.me` and `localhost.localstack.cloud`"
                ),
                "change as localhost does, unless the name is an alias of a container",
            ),
            (
                "`DB_HOST` and `DB_PORT` that together lead to a moved port of the host",
                (
                    "the port variable gets the new number; the host may also be in `DB_URL`, "
                    "`DB_ENDPOINT` or `DB`, as a URL without a port"
                ),
            ),
            (
                "advertised listeners (`KAFKA_ADVERTISED_LISTENERS: EXT://localhost:9092`)",
                "get the new number, and the host of a remote engine",
            ),
            ("an address of a fixed subnet in these values", "moves to the new subnet"),
            (
                (
                    "the name of an image, network, volume or container that has a new name "
                    "(`RUN_IMAGE: shop/app`), except a single word that may also mean something "
                    "else"
                ),
                "becomes the new name",
            ),
            (
                (
                    "health checks, `command`, labels, plain numbers (`PORT: 8080`), service names "
                    "(`db:5432`), localhost with other schemes, variables with INTERNAL in their "
                    "name or with the address where a program listens, and what `[urls] keep` lists"
                ),
                "are not changed; the plan lists those with the number of a moved port in `left`",
            ),
        ),
    ),
    (
        environment.config_contents,
        ("url",),
        (
            (
                "`configs` with a `content:`",
                (
                    "URLs and addresses change in the same way as in `environment`; names of "
                    "images, networks, volumes and containers do not"
                ),
            ),
        ),
    ),
    (
        mounted_files.addresses_in_files,
        (),
        (
            (
                (
                    "a mounted file, or a config or secret with `file:`, that has an address of "
                    "the host with a port that moves, or an address in a subnet that moves "
                    "(`proxy_pass http://host.docker.internal:3000` in a mounted `nginx.conf`)"
                ),
                (
                    "stays, with a warning that names the line. Comments do not count. Of a "
                    "mounted folder, the files `*.conf`, `*.yaml`, `*.ini` and the like are read. "
                    '`shared = ["file:nginx.conf"]` accepts the file'
                ),
            ),
        ),
    ),
    (
        commands.commands,
        ("url",),
        (
            (
                (
                    "an advertised address or port in `command` or `entrypoint` "
                    "(`--advertise-addr localhost:9092`, `--announce-port 6379`, "
                    "`--root-url http://localhost:3000`)"
                ),
                (
                    "is not changed, and there is a warning; with `[urls] command = true` the "
                    "addresses in commands change"
                ),
            ),
            (
                (
                    "a member of a MongoDB replica set at localhost (`rs.initiate(...)`) in a "
                    "command or a health check"
                ),
                'a warning; `[urls] keep = ["mongo.healthcheck"]` accepts it',
            ),
        ),
    ),
    (
        volumes.named_volumes,
        ("volume",),
        (("a volume with an explicit `name:`", "becomes `ac-<hash>_<name>`"),),
    ),
    (
        volumes.seeded_volumes,
        (),
        (
            (
                '`seed = "main"` in the settings',
                "`up` fills new volumes with a copy of that session's data; a note names them",
            ),
        ),
    ),
    (
        networks.named_networks,
        ("network",),
        (
            ("a network with an explicit `name:`", "becomes `ac-<hash>_<name>`, like a volume"),
            ("a fixed bridge name", "gets the session's hash at its end"),
            (
                (
                    "a `macvlan` or `ipvlan` network with fixed addresses; a network of a plugin "
                    "with `driver_opts` that are the same in every session"
                ),
                "a warning, unless `shared` lists the network",
            ),
        ),
    ),
    (
        networks.network_modes,
        ("network",),
        (
            (
                (
                    "`network_mode` with the name of a network of the stack, also with the name "
                    "that plain Compose makes (`shop_default`)"
                ),
                "gets the session's name of that network",
            ),
        ),
    ),
    (
        external_resources.external_networks,
        ("network",),
        (
            (
                "an external network, also one that a service joins by `network_mode: NAME`",
                (
                    "stays shared; the plan lists it, and warns if a service uses it. The warning "
                    "names the host names that other stacks have in the network, too. "
                    "`[isolate] external_networks` makes the network the session's own; if "
                    "`shared` lists it, there is no warning"
                ),
            ),
            (
                (
                    "an external network that another Compose project of this worktree makes "
                    "(`infra_default`)"
                ),
                (
                    "becomes the network of that project's session in this worktree, never of "
                    "another checkout; there is a warning if that stack is not up"
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
                    "stays shared, with a warning unless `shared` names it. A volume of another "
                    "Compose project of this worktree becomes the volume of that project's session"
                ),
            ),
        ),
    ),
    (
        build_networks.build_networks,
        ("network", "container_name"),
        (
            (
                "`build.network` with the name of a network, or with `container:NAME`",
                (
                    "follows the network or container of the file; a warning if it belongs to "
                    "another project, unless `shared` lists it"
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
                "gets the new name of the network that it names",
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
                    "gets two labels, `io.composeports.store` and `io.composeports.session`; by "
                    "them `down` and `gc` know what belongs to the session. Three more are for "
                    "people: `io.composeports.name`, `io.composeports.branch` and "
                    "`io.composeports.worktree`. An existing volume or network keeps its labels"
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
                    "an existing volume that a session of the same name made, with a lease in "
                    "another store"
                ),
                (
                    "a warning: `up --adopt` takes the volume over, `up --as-new` leaves it and "
                    "gives the session volumes of its own"
                ),
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
                    "becomes a free subnet of the pool 10.213.0.0/16 (IPv6: of `fd0d:c5e7::/32`), "
                    "which is leased like ports; gateways and static addresses keep their host "
                    "part. A subnet larger than /20 becomes a /24, or as large as its addresses "
                    "need"
                ),
            ),
            (
                (
                    "a network without a subnet, if the engine's own address pools are used up (29 "
                    "networks on an engine with default settings)"
                ),
                "`up` tries again with subnets of the same pool, so that hundreds of stacks fit",
            ),
        ),
    ),
    (
        addresses.repeated_addresses,
        ("address",),
        (("an address of a fixed subnet in `dns` or `extra_hosts`", "moves to the new subnet"),),
    ),
    (
        log_drivers.log_addresses,
        ("url",),
        (
            (
                (
                    "`logging` options with the address of a published port (`fluentd-address`, "
                    "`syslog-address`, `loki-url`, ...), and the default address of the `fluentd` "
                    "driver"
                ),
                "get the new port, because the engine connects to it",
            ),
        ),
    ),
    (
        unsupported.limits,
        (),
        (
            (
                (
                    "`network_mode: host`; `ipc: host`, `pid: host` or `uts: host`; several "
                    "replicas with a fixed host port; containers of other projects; the engine's "
                    "socket, also by `use_api_socket`; a service with `provider:`, which a program "
                    "of the host makes"
                ),
                "cannot be isolated: a warning, or an error with `--strict`",
            ),
            (
                "`models:`, and `provider:` of the type `model`",
                (
                    "stay as they are, without a warning: the host's model runner keeps no data of "
                    "a session, and sessions only read a model, like an image from a registry"
                ),
            ),
        ),
    ),
    (
        host_ports.ports_of_others,
        (),
        (
            (
                "`host.docker.internal` with a port that another project publishes now",
                "a warning: every session reaches that container",
            ),
        ),
    ),
    (
        host_ports.unknown_forms,
        (),
        (
            (
                (
                    "a variable with a name of the engine's machine and a moved port that is not "
                    "written as an address or as settings (`host.docker.internal 5432`)"
                ),
                "a warning: it may lead to another session; `[urls] keep` accepts it",
            ),
            (
                (
                    "a variable with such a name alone (`DB_HOST: host.docker.internal`), if its "
                    "usual port has moved, or if the only port without a host has"
                ),
                "a warning",
            ),
            (
                "such a name and a moved port in a variable that fills a config or a secret",
                "a warning",
            ),
            (
                (
                    "such a name and a moved port in `command`, `entrypoint` or a health check "
                    "(`psql -h host.docker.internal -p 5432`)"
                ),
                (
                    "a warning, unless `command = true` in `[urls]` moves the address; `[urls] "
                    'keep = ["app.command"]` accepts it'
                ),
            ),
        ),
    ),
    (
        folders.folders,
        (),
        (
            (
                (
                    "a folder or device outside of the worktree that a container writes to, or a "
                    "build by `cache_to` (a folder, a registry, a bucket or another service); a "
                    "folder of another checkout that a container or "
                    "a build reads, also as the file of a config or secret; NFS, CIFS and other "
                    "places in `driver_opts`. Symbolic links are followed"
                ),
                "a warning, unless the path has the project's name in it, or `shared` lists it",
            ),
            (
                (
                    "`devices` that programs of several sessions would take from each other, such "
                    "as `/dev/ttyUSB0`, `/dev/video0` or `/dev/sda`; a bind mount of such a device "
                    "with `privileged` or `device_cgroup_rules`"
                ),
                (
                    "a warning, unless `shared` lists the path. Devices that many programs use at "
                    "the same time are no warning (`/dev/null`, `/dev/fuse`, `/dev/kvm`, "
                    "`/dev/net/tun`, `/dev/dri`, `/dev/nvidia0`, `/dev/snd`, CDI names)"
                ),
            ),
        ),
    ),
    (
        folders.git_inside,
        (),
        (
            (
                "a worktree that is mounted without the repository's git folder",
                "a note that says what to mount",
            ),
        ),
    ),
    (
        reverse_proxies.proxy_names,
        (),
        (
            (
                (
                    "routers, services and rules of Traefik, sites of caddy-docker-proxy and "
                    "`VIRTUAL_HOST` of nginx-proxy that are the same in every session, if the "
                    "service is on a shared network or any service has the engine's socket"
                ),
                "a warning: with `${COMPOSE_PROJECT_NAME}` in the names, each session has its own",
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
                    "are files of the engine's machine, not of this one: a warning, or an error "
                    "with `--strict`"
                ),
            ),
            (
                "with a remote engine: a port published on 127.0.0.1",
                "cannot be reached from this machine: a warning, or an error with `--strict`",
            ),
        ),
    ),
    (
        missing_files.missing_files,
        (),
        (
            (
                "a bind mount whose source does not exist, without `create_host_path: false`",
                "is named before the engine makes an empty folder there",
            ),
            (
                (
                    "a mounted file, an `env_file`, a config's or secret's file or an `.env` that "
                    "only the main checkout has"
                ),
                "is named with the setting and the command that copy it",
            ),
            (
                (
                    "a variable that the file uses, without a value here and with one in the main "
                    "checkout's `.env`"
                ),
                "a warning, or an error with `--strict`",
            ),
        ),
    ),
    (
        after_up.commands_after_up,
        (),
        (
            (
                "`[after]` in the settings",
                (
                    "`up` runs the commands once the stack is healthy, if `composeports allow` has "
                    "allowed them; a note names them"
                ),
            ),
        ),
    ),
)
