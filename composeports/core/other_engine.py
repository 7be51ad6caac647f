"""Refuse to change a lease whose stack runs on another engine than the one in use."""

from composeports.core.engine_identity import Viewpoint
from composeports.core.engine_traits import OTHER, UNSURE
from composeports.core.lease import Lease
from composeports.errors import OtherEngineError


def reject_other_engine(
    own: Lease | None, view: Viewpoint, *, marked: bool = False, adopt_allowed: bool = False
) -> None:
    """Raise OtherEngineError if the session's stack may have been started on another engine.

    An engine with another id always counts as another engine. If the id is the same,
    `adopt_allowed` and `marked` can prevent the error. `adopt_allowed`: the user says (--adopt)
    that the stack is on this engine. `marked`: this engine has containers with the mark of the
    lease; this only counts if the traits of the engines are inconclusive (UNSURE).
    """
    if own is None or not own.held or not own.stack.files or view.is_same(own):
        return
    if not view.has_other_id(own):
        if not adopt_allowed and not (marked and view.sameness(own) == UNSURE):
            raise _on_twin(own, view)
        return
    raise OtherEngineError(
        f"the stack {own.project} of this session was started on another engine ({own.engine})",
        hint="choose that engine again (`docker context use`, DOCKER_HOST) and run `composeports "
        "down` there; or give this stack a session of its own with --session",
        project=own.project,
        engine=own.engine,
    )


def _on_twin(own: Lease, view: Viewpoint) -> OtherEngineError:
    is_other = view.sameness(own) == OTHER
    machine = own.traits.name or own.on_machine or "another machine"
    verb = "was" if is_other else "may have been"
    return OtherEngineError(
        f"the stack {own.project} of this session {verb} started on another engine with the same "
        f"id ({own.engine}), on {machine}; nothing was changed",
        hint="if it is this engine (its machine was renamed, its data moved), `composeports up "
        f"--adopt` or `down --adopt` says so; if not, {new_id(view.traits.folder)}",
        project=own.project,
        engine=own.engine,
        name=machine,
    )


def new_id(folder: str) -> str:
    """Return instructions for giving an engine a new id.

    `folder` is the data directory of the engine; empty means /var/lib/docker.
    """
    id_file = f"{(folder or '/var/lib/docker').rstrip('/')}/engine-id"
    return (
        "give one of the two engines a new id: with its stacks down, "
        f"`rm -f {id_file} /etc/docker/key.json`, and restart it; or set COMPOSEPORTS_ENGINE there"
    )
