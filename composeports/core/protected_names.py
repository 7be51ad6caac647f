"""Names of variables that programs obey; files, settings and stores must not set them.

A name is protected if a shell, the C library, Docker, Compose, git or the runtime of a language
takes it as an instruction: what to run or load, where files and engines are, or how the shell
itself behaves. Upper and lower case count as equal: `http_proxy`, zsh's `path` and `npm_config_*`
are protected too.
"""

from collections.abc import Iterable

PREFIXES = (
    # Shells, the dynamic linker and the C library.
    "BASH_",
    "COMP_",
    "DYLD_",
    "FISH_",
    "GLIBC_",
    "LC_",
    "LD_",
    "LESS",
    "LIBC_",
    "MALLOC_",
    "PS",
    "RESOLV_",
    "TERMINFO",
    "XDG_",
    "ZSH_",
    # Engines, Compose, builds, and composeports itself.
    "BAKE_",
    "BUILDKIT_",
    "BUILDX_",
    "COMPOSEPORTS_",
    "COMPOSE_",
    "CONTAINERS_",
    "DOCKER_",
    "PODMAN_",
    "PORT_ALLOC_",
    "TESTCONTAINERS_",
    # Version control, remote shells, certificates, passwords.
    "CURL_",
    "DBUS_",
    "GIT_",
    "GPG_",
    "KRB5",
    "OPENSSL_",
    "PINENTRY_",
    "RSYNC_",
    "SSH_",
    "SSL_CERT_",
    "SUDO_",
    "SVN_",
    # libpq reads these for each part that a URL does not contain, including the URL of the store.
    "PGGSS",
    "PGSSL",
    "MYSQL_TEST_",
    "LIBMYSQL_",
    # Languages, their package managers and build tools.
    "ANSIBLE_",
    "ASDF_",
    "BUNDLE_",
    "BUN_",
    "CARGO_",
    "CCACHE_",
    "CGO_",
    "CMAKE_",
    "COMPLUS_",
    "CONDA_",
    "CORECLR_",
    "COREPACK_",
    "DENO_",
    "DIRENV_",
    "DISTCC_",
    "DOTNET_",
    "ELECTRON_",
    "ERL_",
    "FAKECHROOT",
    "FAKEROOT",
    "FZF_",
    "GCC_",
    "GCOV_",
    "GEM_",
    "JDK_",
    "LUA_",
    "MISE_",
    "MSBUILD",
    "MONO_",
    "NODE_",
    "NPM_",
    "NUGET_",
    "NVM_",
    "PERL5",
    "PERL_",
    "PIP_",
    "PKG_CONFIG",
    "PNPM_",
    "POETRY_",
    "PYENV_",
    "PYTEST_",
    "PYTHON",
    "RBENV_",
    "RUBY",
    "RUSTC",
    "RUSTUP_",
    "TS_NODE_",
    "UV_",
    "YARN_",
    "_JAVA_",
)

SUFFIXES = ("_ASKPASS", "_EDITOR", "_PAGER", "_PROXY", "SAN_OPTIONS")

# Whole names, by the program that obeys them. Setting a name that is read-only in the shell would
# end an `eval`.
EXACT_BY_PROGRAM = {
    "shells": (
        "ARGC ARGV0 BASH BASHOPTS BASHPID CDPATH CHILD_MAX COLUMNS DIRSTACK DIRSTACKSIZE"
        " EGID ENV EPOCHREALTIME EPOCHSECONDS ERRNO EUID EXECIGNORE FCEDIT FIGNORE FPATH"
        " FUNCNAME FUNCNEST GID GLOBIGNORE GROUPS HISTCHARS HISTCMD HISTCONTROL HISTEDIT"
        " HISTFILE HISTFILESIZE HISTIGNORE HISTSIZE HISTTIMEFORMAT HOME HOSTFILE HOSTNAME"
        " HOSTTYPE IFS IGNOREEOF INPUTRC KEYTIMEOUT LINENO LINES LOGNAME MACHTYPE MAIL"
        " MAILCHECK MAILPATH MODULE_PATH NULLCMD OLDPWD OPTARG OPTERR OPTIND OSTYPE PATH"
        " POSIXLY_CORRECT PPID PROMPT PROMPT2 PROMPT3 PROMPT4 PROMPT_COMMAND PROMPT_DIRTRIM"
        " PWD RANDOM READNULLCMD REPLY RPROMPT RPS1 RPS2 SAVEHIST SECONDS SHELL SHELLOPTS"
        " SHLVL SPROMPT SRANDOM STTY TIMEFMT TIMEFORMAT TMOUT TTY TTYIDLE UID USER USERNAME"
        " ZDOTDIR ZSH _"
    ),
    "terminals and time": (
        "CLICOLOR CLICOLOR_FORCE COLORTERM FORCE_COLOR GREP_COLORS GREP_OPTIONS LANG"
        " LANGUAGE LS_COLORS NO_COLOR QUOTING_STYLE TAPE TEMP TEMPDIR TERM TERMCAP TMP"
        " TMPDIR TZ TZDIR"
    ),
    "the C library": (
        "DATEMSK DEBUGINFOD_URLS GCONV_PATH GETCONF_DIR HOSTALIASES LISTEN_FDNAMES"
        " LISTEN_FDS LISTEN_PID LOCALDOMAIN LOCPATH NIS_PATH NLSPATH NOTIFY_SOCKET"
        " PCPROFILE_OUTPUT RES_OPTIONS WATCHDOG_PID WATCHDOG_USEC"
    ),
    "small programs": (
        "ALTERNATE_EDITOR APT_CONFIG AWKLIBPATH AWKPATH BC_ENV_ARGS BROWSER BZIP BZIP2"
        " CHROME_BIN CHROME_PATH DISPLAY EDITOR EMACSDATA EMACSLOADPATH EMACSPATH EXINIT"
        " GS_LIB GS_OPTIONS GVIMINIT GZIP INFOPATH M4PATH MAGICK_CODER_MODULE_PATH"
        " MAGICK_CONFIGURE_PATH MAGICK_FILTER_MODULE_PATH MAILCAPS MAILRC MANOPT MANPAGER"
        " MANPATH MANROFFOPT MORE MYSQL_HISTFILE MYVIMRC NETRC NVIM_APPNAME PAGER POSH_THEME"
        " RIPGREP_CONFIG_PATH SCREENDIR SCREENRC SQLITE_HISTORY STARSHIP_CONFIG SYSSCREENRC"
        " SYSTEM_WGETRC TAR_OPTIONS TMUX TMUX_TMPDIR UNZIP UNZIPOPT VIM VIMINIT VIMRUNTIME"
        " VISUAL WGETRC XAUTHORITY XZ_DEFAULTS XZ_OPT ZIPOPT"
    ),
    # `composeports open` starts a browser.
    "desktops and browsers": (
        "ALSA_CONFIG_DIR ALSA_CONFIG_PATH CHROME_CONFIG_HOME CHROME_WRAPPER FONTCONFIG_FILE"
        " FONTCONFIG_PATH GBM_BACKENDS_PATH GDK_PIXBUF_MODULEDIR GDK_PIXBUF_MODULE_FILE"
        " GIO_EXTRA_MODULES GIO_MODULE_DIR GI_TYPELIB_PATH GSETTINGS_BACKEND"
        " GSETTINGS_SCHEMA_DIR GST_PLUGIN_PATH GST_PLUGIN_SCANNER GST_PLUGIN_SYSTEM_PATH"
        " GST_REGISTRY GTK_EXE_PREFIX GTK_IM_MODULE GTK_IM_MODULE_FILE GTK_MODULES GTK_PATH"
        " LIBGL_DRIVERS_PATH LIBVA_DRIVERS_PATH MOZ_PLUGIN_PATH OCL_ICD_VENDORS"
        " QML2_IMPORT_PATH QML_IMPORT_PATH QTWEBENGINEPROCESS_PATH QT_PLUGIN_PATH"
        " QT_QPA_PLATFORM QT_QPA_PLATFORMTHEME QT_QPA_PLATFORM_PLUGIN_PATH VDPAU_DRIVER_PATH"
        " VK_ADD_LAYER_PATH VK_DRIVER_FILES VK_ICD_FILENAMES VK_LAYER_PATH WAYLAND_DISPLAY"
        " XCURSOR_PATH XKB_CONFIG_ROOT"
    ),
    "engines, clouds and certificates": (
        "AWS_CA_BUNDLE AWS_CONFIG_FILE AWS_DEFAULT_PROFILE AWS_PROFILE"
        " AWS_SHARED_CREDENTIALS_FILE AWS_WEB_IDENTITY_TOKEN_FILE AZURE_CONFIG_DIR"
        " CLOUDSDK_CONFIG CLOUDSDK_PYTHON CONTAINER_CONNECTION CONTAINER_HOST"
        " CONTAINER_SSHKEY CVSROOT CVS_RSH GNUPGHOME GOOGLE_APPLICATION_CREDENTIALS"
        " HELM_CONFIG_HOME HELM_DATA_HOME HELM_PLUGINS HGMERGE HGRCPATH KUBECONFIG LDAPCONF"
        " LDAPRC MYSQL_HOME NIX_CONFIG NIX_PATH NIX_USER_CONF_FILES REDISCLI_RCFILE"
        " REGISTRY_AUTH_FILE REQUESTS_CA_BUNDLE SOURCE_DATE_EPOCH SSLKEYLOGFILE"
        " STORAGE_DRIVER STORAGE_OPTS TF_CLI_CONFIG_FILE"
    ),
    # Not every name that begins with PG: libpq does not read PGADMIN_PORT.
    "libpq": (
        "PGAPPNAME PGCHANNELBINDING PGCLIENTENCODING PGCONNECT_TIMEOUT PGDATA PGDATABASE"
        " PGDATESTYLE PGGEQO PGHOST PGHOSTADDR PGKRBSRVNAME PGLOADBALANCEHOSTS PGLOCALEDIR"
        " PGMAXPROTOCOLVERSION PGMINPROTOCOLVERSION PGOPTIONS PGPASSFILE PGPASSWORD PGPORT"
        " PGREQUIREAUTH PGREQUIREPEER PGREQUIRESSL PGSERVICE PGSERVICEFILE PGSYSCONFDIR"
        " PGTARGETSESSIONATTRS PGTZ PGUSER"
    ),
    "compilers and make": (
        "AR AS CC CFLAGS COMPILER_PATH CONFIG_SITE CPATH CPLUS_INCLUDE_PATH CPP CPPFLAGS"
        " CXX CXXFLAGS C_INCLUDE_PATH GNUMAKEFLAGS LD LDFLAGS LEX LIBRARY_PATH M4 MAKE"
        " MAKEFILES MAKEFLAGS MAKELEVEL MAKEOVERRIDES MFLAGS YACC"
    ),
    # Not every name that begins with GO: Go does not read GOTRUE_PORT and GOOGLE_PORT.
    "Go": (
        "GCCGO GO111MODULE GOARCH GOAUTH GOBIN GOCACHE GOCACHEPROG GOCOVERDIR GODEBUG GOENV"
        " GOEXE GOEXPERIMENT GOFIPS140 GOFLAGS GOGC GOINSECURE GOMAXPROCS GOMEMLIMIT"
        " GOMODCACHE GONOPROXY GONOSUMDB GOOS GOPATH GOPRIVATE GOPROXY GOROOT GOSUMDB"
        " GOTELEMETRY GOTMPDIR GOTOOLCHAIN GOTRACEBACK GOVCS GOWORK"
    ),
    "other languages": (
        "ASPNETCORE_HOSTINGSTARTUPASSEMBLIES CAMLRUNPARAM CAML_LD_LIBRARY_PATH CLASSPATH"
        " COMPOSER COMPOSER_HOME COMPOSER_VENDOR_DIR ELIXIR_ERL_OPTIONS GHCRTS"
        " GHC_ENVIRONMENT GHC_PACKAGE_PATH GRADLE_HOME GRADLE_OPTS GRADLE_USER_HOME"
        " GUILE_EXTENSIONS_PATH GUILE_LOAD_COMPILED_PATH GUILE_LOAD_PATH IBM_JAVA_OPTIONS"
        " IRBRC JAVACMD JAVA_HOME JAVA_OPTIONS JAVA_OPTS JAVA_TOOL_OPTIONS JRE_HOME"
        " JULIA_DEPOT_PATH JULIA_LOAD_PATH JULIA_PROJECT LUA_CPATH M2_HOME MAVEN_ARGS"
        " MAVEN_CONFIG MAVEN_HOME MAVEN_OPTS OCAMLRUNPARAM OPENJ9_JAVA_OPTIONS PERLLIB PHPRC"
        " PHP_INI_SCAN_DIR PLAYWRIGHT_BROWSERS_PATH PLAYWRIGHT_NODEJS_PATH"
        " PUPPETEER_EXECUTABLE_PATH RAKEOPT RUSTDOCFLAGS RUSTFLAGS R_ENVIRON R_ENVIRON_USER"
        " R_HOME R_LIBS R_LIBS_USER R_PROFILE R_PROFILE_USER SBT_OPTS SDKMAN_DIR TCLLIBPATH"
        " TCL_LIBRARY VIRTUAL_ENV VOLTA_HOME"
    ),
    "Windows, seen from WSL": (
        "APPDATA COMSPEC LOCALAPPDATA PATHEXT PROGRAMDATA SYSTEMROOT USERPROFILE WSLENV"
    ),
}
EXACT = frozenset(" ".join(EXACT_BY_PROGRAM.values()).split())

# Parameters of zsh and fish that have a meaning only in lower case.
SMALL_LETTERS = (
    "aliases argv auto_resume builtins commands dirstack functions galiases histchars history"
    " hostname jobdirs jobstates jobtexts modules nameddirs options parameters patchars"
    " pipestatus prompt psvar reswords saliases signals status userdirs usergroups version"
    " watch zsh_eval_context"
)
SMALL = frozenset(SMALL_LETTERS.split())


def is_protected(name: str) -> bool:
    """Return True if programs obey a variable of this name."""
    upper_name = name.upper()
    if name in SMALL or upper_name in EXACT:
        return True
    return upper_name.startswith(PREFIXES) or upper_name.endswith(SUFFIXES)


def is_settable(name: str) -> bool:
    """Return True if a file, a setting or a store may set a variable of this name.

    The name must match `[A-Za-z_][A-Za-z0-9_]*`, so that a shell accepts it, and must not be
    protected.
    """
    return name.isascii() and name.isidentifier() and not is_protected(name)


def settable(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the pairs whose names may be set."""
    return tuple((name, value) for name, value in pairs if is_settable(name))
