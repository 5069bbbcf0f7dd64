#!/usr/bin/env bash
# What an agent costs beside `top -b -d 1`, both watching the same processes at the same time.
#
# usage: agent-cost.sh [PROCESSES] [PERCENT CHANGING] [SECONDS] [MEMAGENT OPTIONS...]
#
# Wants release builds (make build). Prints processor time a second, resident memory and bytes on
# the wire for each process and sample, as the kernel counts them.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
bin=${HIGHWATER_BIN:-$here/../../.build/release}
count=${1:-1000} percent=${2:-22} seconds=${3:-60}
shift $(($# > 3 ? 3 : $#))

scratch=$(mktemp -d)
children=()
clean_up() {
    # Disowned, so that the shell does not report each of a thousand ends.
    for child in "${children[@]}"; do
        disown "$child" 2>/dev/null || true
        kill -KILL "$child" 2>/dev/null || true
    done
    rm -rf -- "$scratch"
}
trap clean_up EXIT

cc -O1 -o "$scratch/changer" "$here/changer.c"
changing=$((count * percent / 100))
for ((i = 0; i < count; i++)); do
    "$scratch/changer" $((i < changing)) </dev/null >/dev/null 2>&1 &
    children+=("$!")
done

# The port in the log line that says where something listens.
port_of() { sed -n "s/.*listening for $1\".*\"address\":\"[^\"]*:\([0-9]*\)\".*/\1/p;s/.*\"address\":\"[^\"]*:\([0-9]*\)\".*listening for $1\".*/\1/p" "$scratch/collector.log" | head -1; }

"$bin/memcollector" serve --listen 127.0.0.1:0 --http 127.0.0.1:0 --data-dir "$scratch/data" \
    --log-format json 2>"$scratch/collector.log" &
collector=$!
children+=("$collector")
until grep -q '"ready"' "$scratch/collector.log"; do sleep 0.1; done
port=$(port_of agents)

"$bin/memagent" --collector "127.0.0.1:$port" --host-id measured --state-dir "$scratch/state" \
    "$@" 2>"$scratch/agent.log" &
agent=$!
children+=("$agent")
top -b -d 1 >/dev/null 2>&1 &
top=$!
children+=("$top")

ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }
sent() { ss -tinH "dport = :$port" | sed -n 's/.*bytes_sent:\([0-9]*\).*/\1/p' | head -1; }
field() { awk -v name="$2:" '$1 == name { print $2 }' "/proc/$1/status"; }

sleep 5 # Both have their first, costlier looks behind them.
agent0=$(ticks $agent) top0=$(ticks $top) collector0=$(ticks $collector) sent0=$(sent)
sleep "$seconds"
agent1=$(ticks $agent) top1=$(ticks $top) collector1=$(ticks $collector) sent1=$(sent)
hertz=$(getconf CLK_TCK)
processes=$(ls -d /proc/[0-9]* | wc -l)

awk -v a=$((agent1 - agent0)) -v t=$((top1 - top0)) -v c=$((collector1 - collector0)) \
    -v s=$((sent1 - sent0)) -v seconds="$seconds" -v hertz="$hertz" -v n="$count" -v all="$processes" \
    -v rss="$(field $agent VmRSS)" -v anonymous="$(field $agent RssAnon)" \
    -v toprss="$(field $top VmRSS)" -v collectorrss="$(field $collector VmRSS)" -v p="$percent" 'BEGIN {
    ms = 1000 / hertz / seconds
    printf "%d processes (%d with the machine'"'"'s own), %d %% changing each second, %d s\n", n, all, p, seconds
    printf "memagent      %6.1f ms a second, %5.1f MiB resident, %4.1f MiB of it anonymous\n", a * ms, rss / 1024, anonymous / 1024
    printf "top -b -d 1   %6.1f ms a second, %5.1f MiB resident\n", t * ms, toprss / 1024
    printf "ratio         %6.2f\n", a / t
    printf "memcollector  %6.1f ms a second, %5.1f MiB resident\n", c * ms, collectorrss / 1024
    printf "on the wire   %6.2f bytes a process and sample, %d bytes a second\n", s / seconds / n, s / seconds
}'
