"""Reads a project from the JSON of `docker compose config`."""

from collections.abc import Iterator, Mapping

from composeports.core.compose_project import (
    API_SOCKET,
    Attachment,
    Build,
    Json,
    Mount,
    Network,
    Project,
    PublishedPort,
    Service,
    Texts,
    Volume,
)


def read_project(config: Json) -> Project:
    """Return the project that `docker compose config --format json` describes."""
    return Project(
        services=tuple(_service(name, spec) for name, spec in _items(config.get("services"))),
        networks=tuple(_network(key, spec) for key, spec in _items(config.get("networks"))),
        volumes=tuple(_volume(key, spec) for key, spec in _items(config.get("volumes"))),
        asked_as=_text(config.get("name")),
        handed_files=dict(_handed_on(config, "file")),
        handed_variables=dict(_handed_on(config, "environment")),
        contents={
            key: _text(spec["content"])
            for key, spec in _items(config.get("configs"))
            if spec.get("content")
        },
    )


def _handed_on(config: Json, source: str) -> Iterator[tuple[str, str]]:
    """Yield path and name of each source (`file`, `environment`) of a config or secret."""
    for kind in ("configs", "secrets"):
        for key, spec in _items(config.get(kind)):
            if spec.get(source):
                yield f"{kind}.{key}.{source}", _text(spec[source])


def _service(name: str, spec: Json) -> Service:
    logging = _mapping(spec.get("logging"))
    return Service(
        name=name,
        ports=tuple(_ports(name, spec.get("ports"))),
        profiles=_texts(spec.get("profiles")),
        network_mode=_text(spec.get("network_mode")),
        container_name=_text(spec.get("container_name")),
        hostname=_text(spec.get("hostname")),
        image=_text(spec.get("image")),
        build=_build(spec.get("build")),
        pull_policy=_text(spec.get("pull_policy")),
        replicas=_replicas(spec),
        environment=_pairs(spec.get("environment")),
        labels=_pairs(spec.get("labels")),
        networks=tuple(
            _attachment(network, options) for network, options in _items(spec.get("networks"))
        ),
        dns=_texts(spec.get("dns")),
        extra_hosts=_hosts(spec.get("extra_hosts")),
        external_links=_texts(spec.get("external_links")),
        volumes_from=_texts(spec.get("volumes_from")),
        ipc=_text(spec.get("ipc")),
        pid=_text(spec.get("pid")),
        uts=_text(spec.get("uts")),
        log_driver=_text(logging.get("driver")),
        log_options=_pairs(logging.get("options")),
        mounts=tuple(_mounts(spec)),
        devices=tuple(_devices(spec)),
        provider=_text(_mapping(spec.get("provider")).get("type")),
        command=_texts(spec.get("command")),
        entrypoint=_texts(spec.get("entrypoint")),
        health_test=_health_test(spec.get("healthcheck")),
        configs=tuple(_text(config.get("source")) for config in _mappings(spec.get("configs"))),
        depends_on=tuple(name for name, _ in _items(spec.get("depends_on"))),
    )


def _ports(service: str, entries: object) -> Iterator[PublishedPort]:
    for entry in _mappings(entries):
        yield PublishedPort(
            service=service,
            target=int(_text(entry.get("target")) or 0),
            protocol=_text(entry.get("protocol")) or "tcp",
            published=_host_port(entry.get("published")),
            host_ip=_text(entry.get("host_ip")),
            mode=_text(entry.get("mode")),
            name=_text(entry.get("name")),
            app_protocol=_text(entry.get("app_protocol")),
        )


def _host_port(value: object) -> str:
    """Return a fixed port or range as text.

    Return an empty string for 0 and for no value: both let the engine choose.
    """
    text = _text(value)
    return "" if text == "0" else text


def _build(spec: object) -> Build | None:
    if not isinstance(spec, Mapping):
        return None
    return Build(
        context=_text(spec.get("context")),
        args=_pairs(spec.get("args")),
        tags=_texts(spec.get("tags")),
        cache_from=_texts(spec.get("cache_from")),
        cache_to=_texts(spec.get("cache_to")),
        contexts=_pairs(spec.get("additional_contexts")),
        network=_text(spec.get("network")),
        dockerfile=_text(spec.get("dockerfile")),
        dockerfile_inline=_text(spec.get("dockerfile_inline")),
        pull=spec.get("pull") is True,
    )


def _health_test(spec: object) -> Texts:
    return _texts(spec.get("test")) if isinstance(spec, Mapping) else ()


def _replicas(spec: Json) -> int:
    """Return the number of containers of a service.

    `scale` and `deploy.replicas` mean the same; without them it is 1.
    """
    deploy = spec.get("deploy")
    counts = (spec.get("scale"), deploy.get("replicas") if isinstance(deploy, Mapping) else None)
    return next((count for count in counts if isinstance(count, int)), 1)


def _attachment(network: str, spec: Json) -> Attachment:
    return Attachment(
        network=network,
        aliases=_texts(spec.get("aliases")),
        ipv4=_text(spec.get("ipv4_address")),
        ipv6=_text(spec.get("ipv6_address")),
    )


def _hosts(value: object) -> Texts:
    """Return `host=address` strings; some versions of Compose show a list, others a mapping."""
    if isinstance(value, Mapping):
        return tuple(
            f"{host}={address}"
            for host, addresses in value.items()
            for address in (addresses if isinstance(addresses, list) else [addresses])
        )
    return _texts(value)


def _mounts(spec: Json) -> Iterator[Mount]:
    for entry in _mappings(spec.get("volumes")):
        yield Mount(
            kind=_text(entry.get("type")),
            source=_text(entry.get("source")),
            target=_text(entry.get("target")),
            read_only=entry.get("read_only") is True,
            subpath=_text(_mapping(entry.get("image")).get("subpath")),
            makes_source=entry.get("type") == "bind" and _makes_source(entry.get("bind")),
        )
    if spec.get("use_api_socket") is True:
        yield Mount("bind", API_SOCKET, API_SOCKET)


def _makes_source(bind: object) -> bool:
    """Return True unless a bind mount has `create_host_path: false`.

    Compose shows that as options without any; with other options it shows neither true nor false.
    """
    return not isinstance(bind, Mapping) or bool(bind)


def _devices(spec: Json) -> Iterator[str]:
    """Yield the host paths of devices; old versions of Compose show them as `SOURCE:TARGET`.

    A bind mount of a device counts if the service may open devices that `devices` does not name.
    Names of the Container Device Interface (`nvidia.com/gpu=all`) are not paths.
    """
    entries = spec.get("devices")
    for entry in entries if isinstance(entries, list) else ():
        source = entry.get("source") if isinstance(entry, Mapping) else entry
        path = _text(source).partition(":")[0]
        if path.startswith("/"):
            yield path
    if spec.get("privileged") is True or spec.get("device_cgroup_rules"):
        for mount in _mounts(spec):
            if mount.kind == "bind" and mount.source.startswith("/dev/") and not mount.read_only:
                yield mount.source


def _network(key: str, spec: Json) -> Network:
    ipam = spec.get("ipam")
    return Network(
        key=key,
        name=_text(spec.get("name")),
        external=bool(spec.get("external")),
        driver=_text(spec.get("driver")),
        driver_opts=_pairs(spec.get("driver_opts")),
        ipam=ipam if isinstance(ipam, Mapping) else {},
    )


def _volume(key: str, spec: Json) -> Volume:
    return Volume(
        key=key,
        name=_text(spec.get("name")),
        external=bool(spec.get("external")),
        driver=_text(spec.get("driver")),
        driver_opts=_pairs(spec.get("driver_opts")),
        labels=_pairs(spec.get("labels")),
    )


def _items(value: object) -> Iterator[tuple[str, Json]]:
    for name, spec in value.items() if isinstance(value, Mapping) else ():
        yield str(name), spec if isinstance(spec, Mapping) else {}


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> Iterator[Json]:
    return (
        (item for item in value if isinstance(item, Mapping))
        if isinstance(value, list)
        else iter(())
    )


def _pairs(value: object) -> dict[str, str]:
    """Return the entries with a value; `NAME` alone, which Compose shows as null, has none."""
    entries = value.items() if isinstance(value, Mapping) else ()
    return {str(name): _text(item) for name, item in entries if item is not None}


def _texts(value: object) -> Texts:
    if isinstance(value, list):
        return tuple(map(str, value))
    return (str(value),) if value else ()


def _text(value: object) -> str:
    return "" if value is None else str(value)
