"""Sessions of jobs: what tells one run of a CI service from another on the same engine."""

from collections.abc import Mapping

# What a service sets in each job, and the variables that together no other job has.
SERVICES = (
    ("GITHUB_RUN_ID", ("GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_JOB", "RUNNER_NAME")),
    ("CI_JOB_ID", ("CI_JOB_ID",)),
    ("BUILDKITE_JOB_ID", ("BUILDKITE_JOB_ID",)),
    ("CIRCLE_WORKFLOW_JOB_ID", ("CIRCLE_WORKFLOW_JOB_ID",)),
    ("SYSTEM_JOBID", ("SYSTEM_JOBID",)),
    ("BUILD_TAG", ("BUILD_TAG",)),
)


def session_line(environ: Mapping[str, str]) -> str:
    """Return the shell line that gives this job a session of its own; empty outside of CI."""
    for sign, names in SERVICES:
        if environ.get(sign):
            parts = "-".join(f"${name}" for name in names if environ.get(name))
            return f'export COMPOSEPORTS_SESSION="{parts}"'
    return ""
