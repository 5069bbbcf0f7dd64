#!/usr/bin/env bash
# The whole of Highwater on this host, in half a minute: a collector, an agent, a program with
# a short peak, what `top` saw of it, and what the report says. Nothing is left behind.
#
# Wants both programs in HIGHWATER_BIN (default: .build/release). Run it by `make demo`.
set -euo pipefail
export LC_ALL=C

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=${HIGHWATER_BIN:-$root/.build/release}
spike_bytes=$((300 << 20))
host=$(uname -n)

scratch=
children=()

# Ends what this script started, by process id, and removes what it wrote.
clean_up() {
    local status=$? child
    trap - EXIT
    for child in ${children[@]+"${children[@]}"}; do
        kill -TERM "$child" 2>/dev/null || true
    done
    for child in ${children[@]+"${children[@]}"}; do
        for _ in {1..50}; do
            kill -0 "$child" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    done
    [ -z "$scratch" ] || rm -rf -- "$scratch"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
else
    bold='' dim='' plain=''
fi

heading() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
note() { printf '  %s\n' "$1"; }
mebibytes() { awk -v bytes="$1" 'BEGIN { printf "%.1f MiB", bytes / 1048576 }'; }

fail() {
    printf '\ndemo: %s\n' "$1" >&2
    if [ -n "${2:-}" ] && [ -s "$2" ]; then
        printf 'The last lines of its log:\n' >&2
        tail -n 10 "$2" >&2
    fi
    exit 1
}

# True when something listens on the loopback port.
is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Sets `port` to the first free port from $1 on.
choose_port() {
    for ((port = $1; port < $1 + 100; port++)); do
        if ! is_taken "$port"; then
            [ "$port" -eq "$1" ] || note "port $1 is taken; using $port"
            return
        fi
    done
    fail "no free port from $1 to $((port - 1))"
}

# The first line of the answer to GET $1 of the collector.
status_line() {
    (
        exec 3<>"/dev/tcp/127.0.0.1/$http_port"
        printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' \
            "$1" "$http_port" >&3
        head -n 1 <&3
    ) 2>/dev/null
}

collector_is_healthy() { [[ $(status_line /healthz) == "HTTP/1.1 200"* ]]; }
ask() { "$bin/memcollector" "$@" --url "http://127.0.0.1:$http_port"; }
host_is_listed() { ask hosts --format json 2>/dev/null | grep -qF "\"$host\""; }

# The value of key $1 in the one row of the program with the short peak; empty when null.
spike_value() {
    ask report --since 5m --program spike --top 1 --format json 2>/dev/null \
        | tr -d '\n' \
        | sed -n "s/.*\"$1\" *: *\"\{0,1\}\([A-Za-z0-9_.-]*\).*/\1/p" \
        | sed 's/^null$//'
}

peak_is_reported() {
    local bytes
    bytes=$(spike_value peak_rss_bytes)
    [[ $bytes =~ ^[0-9]+$ ]] && [ "$bytes" -ge $((spike_bytes / 100 * 99)) ]
}

# Waits until command $4 succeeds, at most $1 seconds, while the child $2 with log $3 lives.
wait_until() {
    local deadline=$((SECONDS + $1)) child=$2 log=$3
    shift 3
    until "$@"; do
        kill -0 "$child" 2>/dev/null || fail "$(basename "$log" .log) has ended by itself" "$log"
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

# Compiles the program with the short peak, by the compiler that Swift brings.
compile_spike() {
    local compiler swift
    swift=$(command -v "${SWIFT:-swift}" || true)
    for compiler in "${CC:-}" "$(dirname "$(readlink -f "${swift:-/}")")/clang" clang cc gcc; do
        if [ -n "$compiler" ] && command -v "$compiler" >/dev/null 2>&1; then
            "$compiler" -O1 -o "$scratch/spike" "$root/deploy/spike.c" && return
        fi
    done
    fail "no C compiler for deploy/spike.c; set CC"
}

# Prints what `top` shows of process $1 each second, and lets that go (by a byte to descriptor
# 4) right after the first screen, so that its short peak lies between two of them.
watch_with_top() {
    local pid=$1 screens=0 field resident
    mkfifo "$scratch/screens"
    HOME=$scratch COLUMNS=120 top -b -d 1 -n 5 -e k -p "$pid" \
        >"$scratch/screens" 2>/dev/null 4>&- &
    children+=("$!")
    while read -r -a field; do
        [ "${field[0]:-}" = "$pid" ] || continue
        resident=${field[5]}
        screens=$((screens + 1))
        printf '%s\n' "$resident" >>"$scratch/top.kib"
        note "$(printf 'top, second %d: RES %12s' "$screens" "$(mebibytes $((resident * 1024)))")"
        [ "$screens" -ne 1 ] || printf 'g' >&4
    done <"$scratch/screens"
}

for program in memagent memcollector; do
    [ -x "$bin/$program" ] || fail "$bin/$program is not there; run 'make build' first"
done
command -v top >/dev/null 2>&1 || fail "there is no top; install procps, or run 'make demo'"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/highwater-demo.XXXXXX")
mkdir "$scratch/data" "$scratch/state"

heading "Highwater on $host"
compile_spike
choose_port 7000
collector_port=$port
choose_port 7070
http_port=$port

"$bin/memcollector" serve --listen "127.0.0.1:$collector_port" --http "127.0.0.1:$http_port" \
    --data-dir "$scratch/data" >"$scratch/memcollector.log" 2>&1 &
collector=$!
children+=("$collector")
wait_until 30 "$collector" "$scratch/memcollector.log" collector_is_healthy \
    || fail "the collector does not answer on port $http_port" "$scratch/memcollector.log"
note "memcollector serves: agents on $collector_port, reports on http://127.0.0.1:$http_port"

"$bin/memagent" --collector "127.0.0.1:$collector_port" --state-dir "$scratch/state" \
    --hostname "$host" >"$scratch/memagent.log" 2>&1 &
agent=$!
children+=("$agent")
wait_until 30 "$agent" "$scratch/memagent.log" host_is_listed \
    || fail "the collector does not list this host" "$scratch/memagent.log"
note "memagent sends all of this host's processes, each second"

heading "A program takes 300 MiB for a fifth of a second, gives them back and lives on"
mkfifo "$scratch/go"
"$scratch/spike" <"$scratch/go" >"$scratch/spike.out" 2>"$scratch/spike.log" &
spike=$!
children+=("$spike")
exec 4>"$scratch/go"
watch_with_top "$spike"
exec 4>&-
wait "$spike" || fail "the program with the short peak failed" "$scratch/spike.log"
kernel_kib=$(awk '/^VmHWM:/ { print $2 }' "$scratch/spike.out")
top_kib=$(sort -n "$scratch/top.kib" 2>/dev/null | tail -n 1)
[ -n "$kernel_kib" ] && [ -n "$top_kib" ] || fail "top did not show process $spike"

wait_until 15 "$agent" "$scratch/memagent.log" peak_is_reported \
    || fail "the peak of 300 MiB is not in the report" "$scratch/memagent.log"
peak_bytes=$(spike_value peak_rss_bytes)
peak_source=$(spike_value peak_source)

heading "memcollector summary"
ask summary
heading "memcollector report --since 5m --top 10"
ask report --since 5m --top 10

heading "What was seen of spike (process $spike)"
printf '  largest that %stop%s showed: %s   true peak as Highwater has it: %s%s%s (source %s)\n' \
    "$dim" "$plain" "$(mebibytes $((top_kib * 1024)))" \
    "$bold" "$(mebibytes "$peak_bytes")" "$plain" "${peak_source:-none}"

awk -v peak="$peak_bytes" -v truth=$((kernel_kib * 1024)) -v asked="$spike_bytes" 'BEGIN {
    off = peak - truth; if (off < 0) off = -off
    short = asked - peak
    exit !(off <= truth / 100 && short <= asked / 100)
}' || fail "the report is more than 1 % off the kernel's own $(mebibytes $((kernel_kib * 1024)))"
