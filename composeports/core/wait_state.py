"""Decide what `up --wait` waits for, from the containers that the engine lists now and then."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from composeports.core.service_status import (
    RESTARTING,
    RUNNING,
    ContainerStatus,
    failed_of,
    not_started,
)

# A container that the engine restarted has started once it has run for this many seconds.
STEADY_SECONDS = 3
# A service that the engine has restarted this often has failed. The pauses between the restarts
# add up to 13 s.
MANY_RESTARTS = 7


class WaitState(NamedTuple):
    """What `up --wait` knows; `known` are the services that had a container.

    Services in `starting` are waited for. Services in `failed` will not start, and services in
    `gone` have no container any more.
    """

    known: frozenset[str] = frozenset()
    starting: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        """True if there is nothing more to wait for."""
        return bool(self.failed or self.gone) or not self.starting

    @property
    def message(self) -> str:
        """What is waited for, in one line."""
        return f"still starting: {', '.join(self.starting)}"

    def after(
        self, containers: Iterable[ContainerStatus], restarts: Mapping[str, int]
    ) -> "WaitState":
        """Return the state after a look at the containers.

        `restarts` has the number of restarts by id, for the containers that may be in a crash loop.
        """
        statuses = tuple(containers)
        restarted = [each for each in statuses if restarts.get(each.id, 0)]
        unsteady = {each.service for each in restarted if may_be_looping(each)}
        looping = {
            each.service
            for each in restarted
            if may_be_looping(each) and restarts[each.id] >= MANY_RESTARTS
        }
        failed = {each.service for each in failed_of(statuses) if each.state != RESTARTING}
        services = frozenset(each.service for each in statuses)
        return WaitState(
            known=self.known | services,
            starting=tuple(sorted({*not_started(statuses), *unsteady})),
            failed=tuple(sorted(failed | looping)),
            gone=tuple(sorted(self.known - services)),
        )


def may_be_looping(container: ContainerStatus) -> bool:
    """Return True if it is restarting, or runs for so short a time that it may end again."""
    if container.state == RESTARTING:
        return True
    return container.state == RUNNING and container.up_seconds < STEADY_SECONDS
