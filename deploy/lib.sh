# Shared by the scripts of this folder: what Debian must have before anything is built, run or tested.
# Sourced, not run. Says one sentence and ends the script where something is missing that it cannot install.
# shellcheck shell=bash

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

# An interpreter with the packages of deploy/referees.txt, for tests that compare with public programs; made again when
# that list changes. Where it cannot be, this says so and those tests are skipped.
install_referees() {
    [[ -z "${LIENTHONG_REFEREE_PYTHON:-}" ]] || return 0
    local folder=$PWD/.build/referees list=deploy/referees.txt log
    if ! cmp -s "$list" "$folder/list.txt" || ! "$folder/bin/python" -c 'import jsonschema' 2>/dev/null; then
        echo "Installing the referees of the tests (half a minute)" >&2
        log=$(mktemp)
        if ! (make_referees "$folder" "$list") >"$log" 2>&1; then
            tail -n 5 "$log" >&2
            rm -rf "$folder" "$log"
            echo "The packages of $list cannot be installed, see above; tests that need them are skipped" >&2
            return 0
        fi
        rm -f "$log"
    fi
    export LIENTHONG_REFEREE_PYTHON=$folder/bin/python
}

# The list is copied last: it marks what is whole.
make_referees() {
    install_packages python3-venv || return
    rm -rf "$1" || return
    /usr/bin/python3 -m venv "$1" || return
    "$1/bin/pip" install --disable-pip-version-check --no-input --retries 1 --only-binary :all: -r "$2" || return
    cp "$2" "$1/list.txt"
}

# promtool, by which a test holds the worker's metrics to Prometheus' own rules: the one on the path, else that of Debian's
# package. Taken out of it, not installed: that would start a server. Where it cannot be had, this says so and that test
# is skipped.
install_promtool() {
    [[ -z "${LIENTHONG_PROMTOOL:-}" ]] || return 0
    local program log
    program=$(command -v promtool) || program=$PWD/.build/promtool
    if [[ ! -x "$program" ]]; then
        echo "Fetching promtool out of Debian's package prometheus" >&2
        log=$(mktemp)
        if ! (fetch_promtool "$program") >"$log" 2>&1; then
            tail -n 5 "$log" >&2
            rm -f "$log"
            echo "promtool cannot be had, see above; the test that needs it is skipped" >&2
            return 0
        fi
        rm -f "$log"
    fi
    export LIENTHONG_PROMTOOL=$program
}

# The program takes its name last: it is whole then.
fetch_promtool() {
    local folder
    folder=$(mktemp -d) || return
    # shellcheck disable=SC2064
    trap "rm -rf '$folder'" EXIT
    if ! (cd "$folder" && apt-get download prometheus); then
        local as_root=()
        ((EUID == 0)) || as_root=(sudo)
        "${as_root[@]}" apt-get update || return
        (cd "$folder" && apt-get download prometheus) || return
    fi
    mkdir -p "$(dirname "$1")" || return
    dpkg-deb --fsys-tarfile "$folder"/prometheus_*.deb | tar --extract --to-stdout ./usr/bin/promtool >"$1.new" || return
    chmod +x "$1.new" && mv "$1.new" "$1"
}

# A server of Kafka's protocol that answers admin calls, on loopback, its data in the folder $1, its process in
# ADMIN_BROKER. Where it cannot be started, this says so and the tests that need one are skipped.
start_admin_broker() {
    [[ -z "${LIENTHONG_TEST_ADMIN_KAFKA:-}" && -n "${LIENTHONG_REFEREE_PYTHON:-}" ]] || return 0
    local program port python=$LIENTHONG_REFEREE_PYTHON
    # The program itself and not its starter in Python, which would leave it behind.
    if program=$("$python" -c 'import noida_db; print(noida_db.__path__[0] + "/noida-db")') && chmod +x "$program" &&
        port=$("$python" -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])'); then
        "$program" start --only kafka --kafka-port "$port" --data-dir "$1/broker" >"$1/broker.log" 2>&1 &
        ADMIN_BROKER=$!
        for _ in {1..100}; do
            if (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
                export LIENTHONG_TEST_ADMIN_KAFKA=127.0.0.1:$port
                return 0
            fi
            kill -0 "$ADMIN_BROKER" 2>/dev/null || break
            sleep 0.1
        done
        cat "$1/broker.log" >&2
    fi
    echo "The broker of the tests that make topics does not start, see above; they are skipped" >&2
}

end_admin_broker() {
    [[ -n "${ADMIN_BROKER:-}" ]] || return 0
    kill "$ADMIN_BROKER" 2>/dev/null || true
    wait "$ADMIN_BROKER" 2>/dev/null || true
}
