# Shared by the scripts of this folder: what Debian must have before anything is built or run.
# Sourced, not run. Says one sentence and ends the script where something is missing that it cannot install.

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    exit "${2:-1}"
}

# Installs those of the named Debian packages that are missing; silent and quick when none is.
install_packages() {
    local missing=() name
    for name in "$@"; do
        [[ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" == installed ]] || missing+=("$name")
    done
    ((${#missing[@]})) || return 0

    command -v apt-get >/dev/null || fail "apt-get is not here; install by other means: ${missing[*]}" 69
    local as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null || fail "neither root nor sudo; install as root: apt-get install ${missing[*]}" 69
        as_root=(sudo)
    fi

    echo "Installing ${missing[*]}" >&2
    local log
    log=$(mktemp)
    # The first try costs nothing where the package lists are there already; else they are fetched, once.
    local install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive
        apt-get install --yes --no-install-recommends "${missing[@]}")
    if ! "${install[@]}" >"$log" 2>&1; then
        "${as_root[@]}" apt-get update >"$log" 2>&1 || { cat "$log" >&2; fail "apt-get update failed; see above" 69; }
        "${install[@]}" >"$log" 2>&1 || { cat "$log" >&2; fail "cannot install ${missing[*]}; see above" 69; }
    fi
    rm -f "$log"
}

# What the product is built with, and the PostgreSQL programs of which demo and tests start a private cluster.
install_requirements() {
    command -v swift >/dev/null || fail "no 'swift' on the path; install Swift 6.3 (swift.org/install) and run this again" 69
    install_packages g++ pkg-config librdkafka-dev libssl-dev libpq-dev libsimdjson-dev libxxhash-dev postgresql
}
