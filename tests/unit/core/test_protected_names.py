"""Names of variables that programs obey, and names that may be set."""

import pytest

from composeports.core.environment import fixed_variables
from composeports.core.protected_names import is_protected, is_settable, settable

PROTECTED = (
    "PATH HOME SHELL IFS ENV BASH_ENV BASH_FUNC_x PROMPT_COMMAND PS1 PS4 LD_PRELOAD LD_LIBRARY_PATH"
    " DYLD_INSERT_LIBRARIES DOCKER_CONFIG DOCKER_HOST DOCKER_CONTEXT COMPOSE_FILE"
    " COMPOSE_PROJECT_NAME COMPOSEPORTS_STORE COMPOSEPORTS_API_KEYS PORT_ALLOC_BASE BUILDX_CONFIG"
    " BUILDKIT_HOST GIT_DIR GIT_SSH_COMMAND SSH_ASKPASS PYTHONPATH PYTHONSTARTUP NODE_OPTIONS"
    " NPM_CONFIG_PREFIX npm_config_script_shell PERL5OPT PERL5LIB RUBYOPT RUBYLIB JAVA_TOOL_OPTIONS"
    " JDK_JAVA_OPTIONS _JAVA_OPTIONS XDG_CONFIG_HOME TMPDIR TMP TEMP EDITOR VISUAL PAGER MANPAGER"
    " GIT_PAGER SYSTEMD_PAGER KUBE_EDITOR BROWSER LESSOPEN LESSCLOSE HTTP_PROXY http_proxy no_proxy"
    " ZDOTDIR FPATH fpath path CDPATH GLOBIGNORE SHELLOPTS BASHOPTS FIGNORE HISTFILE INPUTRC"
    " TERMINFO TERMINFO_DIRS TERMCAP LOCPATH NLSPATH GCONV_PATH HOSTALIASES RES_OPTIONS"
    " MALLOC_CHECK_ GLIBC_TUNABLES OPENSSL_CONF OPENSSL_MODULES SSL_CERT_FILE SSL_CERT_DIR"
    " CURL_HOME PGHOST PGPORT PGPASSFILE PGSSLROOTCERT PGSERVICEFILE GOPROXY GOFLAGS LUA_INIT"
    " TCLLIBPATH PHPRC MAKEFLAGS MAKEFILES CC UID EUID PPID TMOUT FZF_DEFAULT_COMMAND"
    " TAR_OPTIONS RSYNC_RSH DOTNET_STARTUP_HOOKS KUBECONFIG SOURCE_DATE_EPOCH TZ LC_ALL functions"
    " GTK_PATH GTK_MODULES QT_PLUGIN_PATH GIO_EXTRA_MODULES STARSHIP_CONFIG MISE_CONFIG_FILE"
    " AWKLIBPATH BC_ENV_ARGS JULIA_LOAD_PATH HELM_PLUGINS"
)

# Port variables of real Compose files, some of which begin like a protected one.
ORDINARY = (
    "PORT WEB_PORT API_PORT POSTGRES_PORT MYSQL_PORT SSL_PORT HTTP_PORT HTTPS_PORT PATH_X"
    " PGADMIN_PORT PGBOUNCER_PORT PGWEB_PORT GOTRUE_SMTP_PORT GOOGLE_PORT HISTORY_PORT"
    " PROMPT_SERVICE_PORT ENVOY_PORT TEMPORAL_PORT MAILPIT_PORT JAVA_PORT RUBBER_PORT LDAP_PORT"
    " AWS_ENDPOINT_URL DATABASE_URL MYSQL_HOST PHP_PORT PORT_DB_5432 PORT_DNS_53_UDP PROXY_PORT"
    " SUPABASE_URL VITE_API_URL MAKER_PORT CCTV_PORT BASHIR_PORT VK_PORT PULSE_PORT"
)


@pytest.mark.parametrize("name", PROTECTED.split())
def test_a_name_that_programs_obey_is_not_settable(name: str) -> None:
    assert is_protected(name)
    assert not is_settable(name)


@pytest.mark.parametrize("name", ORDINARY.split())
def test_an_ordinary_name_is_settable(name: str) -> None:
    assert is_settable(name)


@pytest.mark.parametrize(
    "name", ["", "1PORT", "WEB-PORT", "WEB PORT", "A=B", "A\nB", "PÖRT", "A;id", "a.b", "$(id)"]
)
def test_what_no_shell_takes_as_a_name_is_not_settable(name: str) -> None:
    assert not is_settable(name)


def test_the_fixed_variables_are_settable_but_for_the_project_name() -> None:
    """COMPOSE_PROJECT_NAME is composeports' own; no file or store gives it."""
    refused = [name for name, _ in fixed_variables(10000, "ac-0") if not is_settable(name)]
    assert refused == ["COMPOSE_PROJECT_NAME"]


def test_pairs_with_names_that_may_not_be_set_are_left_out() -> None:
    pairs = [("WEB_PORT", "1"), ("PATH", "2"), ("a b", "3"), ("DB", "4")]
    assert settable(pairs) == (("WEB_PORT", "1"), ("DB", "4"))
