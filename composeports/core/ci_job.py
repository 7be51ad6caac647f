"""Sessions of CI jobs: variables that distinguish the jobs of a CI service on the same engine."""

from collections.abc import Mapping

# A variable that each CI service sets in every job, and variables that together identify the job.
SERVICES = (
    ("GITHUB_RUN_ID", ("GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_JOB", "RUNNER_NAME")),
    ("CI_JOB_ID", ("CI_JOB_ID",)),
    ("BUILDKITE_JOB_ID", ("BUILDKITE_JOB_ID",)),
    ("CIRCLE_WORKFLOW_JOB_ID", ("CIRCLE_WORKFLOW_JOB_ID",)),
    ("SYSTEM_JOBID", ("SYSTEM_JOBID",)),
    ("BUILD_TAG", ("BUILD_TAG",)),
)


def session_line(environ: Mapping[str, str]) -> str:
    """Return the shell line that gives this CI job its own session; empty outside of CI."""
    for sign, names in SERVICES:
        if environ.get(sign):
            parts = "-".join(f"${name}" for name in names if environ.get(name))
            return f'export COMPOSEPORTS_SESSION="{parts}"'
    return ""
