# Set-up shared by the scripts: a virtual environment of the clone's own, from nothing but Python 3.11.
# Sourced, not run. Everything it says goes to stderr, so that a script's own output stays clean.

cd "$(dirname "${BASH_SOURCE[0]}")/.."
UV_VERSION=0.13.9
export UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=.venv PIP_DISABLE_PIP_VERSION_CHECK=1
unset VIRTUAL_ENV
# Tests start hundreds of processes: without kept bytecode each compiles two thousand modules anew.
unset PYTHONDONTWRITEBYTECODE

say() { printf '%s\n' "$*" >&2; }
stop() { say "$1: $2"; say "$3"; exit 1; }

find_python() {
    local name
    for name in python3.11 python3 python3.12 python3.13; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    stop python_missing "Python 3.11 or newer is needed." "Install it, for example: apt-get install python3 python3-venv"
}

# Debian ships venv apart from Python; asking for ensurepip tells without trying.
need_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "Installing python3-venv …"
        apt_install python3-venv
    fi
    "$1" -c 'import ensurepip, venv' 2>/dev/null ||
        stop venv_missing "Python's venv module is not installed." "Run: sudo apt-get install python3-venv"
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get update -q >/dev/null 2>&1 || true
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" </dev/null >/dev/null
}

# set_up [uv sync options]: nothing to do while uv.lock and pyproject.toml are what they were. An environment
# with the development tools serves the demo too, so it is never made smaller.
set_up() {
    local want=.venv/.passalong-set-up state python uv
    state="$(cat uv.lock pyproject.toml | cksum) $(pwd)"
    if [ -x .venv/bin/passalong ] && grep -qxF "$state" "$want" 2>/dev/null &&
        { [ "$*" = "--no-dev" ] || grep -qx dev "$want"; }; then
        return
    fi
    grep -qsx dev "$want" && set --
    if ! .venv/bin/python -c '' 2>/dev/null; then
        python="$(find_python)"
        need_venv "$python"
        say "Making a virtual environment with $("$python" --version) …"
        "$python" -m venv --clear .venv
    fi
    if ! .venv/bin/uv --version 2>/dev/null | grep -qF "$UV_VERSION"; then
        say "Installing uv $UV_VERSION …"
        .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip -q
        .venv/bin/python -m pip install -q "uv==$UV_VERSION" >&2
    fi
    say "Installing packages …"
    UV_PYTHON=.venv/bin/python .venv/bin/uv sync -q --frozen --inexact "$@" >&2
    { printf '%s\n' "$state"; [ "$*" = "--no-dev" ] || echo dev; } >"$want"
}

need_browser() {
    local name
    for name in "${PASSALONG_TEST_CHROMIUM:-}" chromium chromium-browser google-chrome; do
        [ -n "$name" ] && command -v "$name" >/dev/null && return
    done
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "Installing Chromium …"
        apt_install chromium fonts-liberation
    fi
    command -v chromium >/dev/null ||
        stop browser_missing "The end-to-end tests need Chromium." "Run: sudo apt-get install chromium"
}
