"""The block in a hook: added once, to shell scripts only, and removed with every byte restored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.usecases.hook.policy import (
    BEGIN,
    BLOCK,
    END,
    LINE,
    OWN_SCRIPT,
    is_broken,
    is_shell_script,
    with_block,
    without_block,
)


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (b"#!/bin/sh", True),
        (b"#! /bin/sh -e", True),
        (b"#!/usr/bin/bash", True),
        (b"#!/usr/bin/env bash", True),
        (b"#!/usr/bin/env -S bash -eu", True),
        (b"#!/usr/bin/env LC_ALL=C zsh", True),
        (b"#!/bin/sh\r", True),
        (b"#!/usr/bin/env", False),
        (b"#!", False),
        (b"#!/usr/bin/python3", False),
        (b"#!/usr/bin/env node", False),
        (b"#!/usr/bin/fish", False),
        (b"echo sh", False),
        (b"\x7fELF", False),
        (b"", False),
    ],
)
def test_only_a_script_for_a_shell_that_knows_the_line_is_changed(
    first: bytes, *, expected: bool
) -> None:
    assert is_shell_script(first) is expected
    assert is_shell_script(first + b"\nsh\n") is expected


def test_the_block_stands_right_after_the_first_line() -> None:
    made = with_block(b"#!/bin/sh\nexec ours\n")
    assert made.splitlines() == [b"#!/bin/sh", BEGIN, LINE, END, b"exec ours"]


@given(st.binary(max_size=60).filter(lambda data: b"composeports" not in data))
def test_in_and_out_restores_every_byte(rest: bytes) -> None:
    for script in (b"#!/bin/sh" + rest, b"#!/bin/sh\n" + rest, b"#!/bin/sh\r\n" + rest):
        made = with_block(script)
        assert not is_broken(made)
        assert without_block(made) == script
        assert with_block(made) == made


def test_a_block_of_another_version_is_replaced() -> None:
    old = b"#!/bin/sh\n" + BEGIN + b"\nold line\nand another\n" + END + b"\nexec ours\n"
    assert with_block(old) == with_block(b"#!/bin/sh\nexec ours\n")
    assert without_block(old) == b"#!/bin/sh\nexec ours\n"


def test_a_script_without_the_block_stays_as_it_is() -> None:
    assert without_block(OWN_SCRIPT) == OWN_SCRIPT
    assert not is_broken(OWN_SCRIPT)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(b"#!/bin/sh\n" + BEGIN + b"\nx\n", id="no end"),
        pytest.param(b"#!/bin/sh\nx\n" + END + b"\n", id="no beginning"),
        pytest.param(b"#!/bin/sh\n" + END + b"\n" + BEGIN + b"\n", id="the wrong way round"),
    ],
)
def test_half_a_block_is_noticed(script: bytes) -> None:
    assert is_broken(script)
    assert not is_broken(b"#!/bin/sh" + BLOCK)
