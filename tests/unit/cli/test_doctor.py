"""The JSON document of `doctor`: every fact by its name."""

from composeports.cli.doctor import facts_document
from composeports.core.lease import Lease
from composeports.core.ports import KernelPorts, PortBlock, PortGrid
from composeports.usecases.doctor.facts import Facts


def test_facts_have_the_fields_of_leases_and_ranges_by_their_names() -> None:
    lease = Lease("me", PortBlock(10000, 10), "ac-mine", 0, 60, store="store-1")
    kernel = KernelPorts(32768, 60999, (PortBlock(40000, 2),))
    document = facts_document(Facts(sessions=(lease,), grid=PortGrid(10000, 10, 3), kernel=kernel))
    assert document["sessions"] == [{**lease._asdict(), "block": {"start": 10000, "size": 10}}]
    assert document["grid"] == {"base": 10000, "size": 10, "slots": 3}
    reserved = [{"start": 40000, "size": 2}]
    assert document["kernel"] == {"first": 32768, "last": 60999, "reserved": reserved}


def test_facts_that_are_not_known_are_null() -> None:
    document = facts_document(Facts())
    assert (document["sessions"], document["grid"], document["kernel"]) == ([], None, None)
