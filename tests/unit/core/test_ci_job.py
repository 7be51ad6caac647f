"""The line that gives a CI job its own session."""

import pytest

from composeports.core.ci_job import session_line


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({}, ""),
        ({"CI": "true"}, ""),
        ({"CI_JOB_ID": ""}, ""),
        ({"CI_JOB_ID": "7"}, 'export COMPOSEPORTS_SESSION="$CI_JOB_ID"'),
        (
            {"GITHUB_RUN_ID": "7", "GITHUB_JOB": "test", "RUNNER_NAME": "two"},
            'export COMPOSEPORTS_SESSION="$GITHUB_RUN_ID-$GITHUB_JOB-$RUNNER_NAME"',
        ),
    ],
)
def test_it_is_what_no_other_job_has(environ: dict[str, str], line: str) -> None:
    assert session_line(environ) == line
