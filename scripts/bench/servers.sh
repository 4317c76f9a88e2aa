# Shared by scripts/bench/run and memory: tokens, servers and load.
# shellcheck shell=bash disable=SC2034

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"

here=$top/scripts/bench
nginx=${NGINX:-$(stock_nginx)}
unset NGINX     # to nginx, a list of sockets that it inherits

connections=${BENCH_CONNECTIONS:-32}
tokens=${BENCH_TOKENS:-10000}
zone=${BENCH_ZONE:-16m}
cpus=${BENCH_CPUS:-0,1}
requests=1000000000     # of a connection
server_cpu=${cpus%,*}
client_cpu=${cpus#*,}

pool=eu-west-1_AbCdEf123
client=1example23456789abcdefghij
kid=Yy3Uq1cFh5m0b8dTgXn2sVwKzE7pJrLoA4iQ6tNvR9U
issuer=https://cognito-idp.eu-west-1.amazonaws.com/$pool
subject=0f1e2d3c-4b5a-6978-8796-000000000001    # the first token's, by token.pl


need() {
    command -v "$1" > /dev/null \
        || die "$1 is not installed: run \"scripts/deps $2\""
}

need wrk bench
need taskset bench
need curl bench
[ "$(nproc)" -ge 2 ] || die "two cores are needed, one for the server and" \
    "one for wrk"
[ -z "$sanitize" ] || die "SANITIZE=1 measures the sanitizers: leave it out"
[ -f "$module" ] || die "$module is not built: run \"make build\""
[ "$tokens" -ge 2 ] || die "BENCH_TOKENS must be 2 at least"


pids=()
declare -A pid_of port_of

finish() {
    local pid

    for pid in "${pids[@]}"; do
        kill "$pid" 2> /dev/null || true
        wait "$pid" 2> /dev/null || true
    done
    [ -z "${dir:-}" ] || rm -rf "$dir"
}

# A client whose core has gone to sleep must be woken for each answer, which
# the server pays for, and on a virtual machine dearly: 5 us where a slow
# target gives wrk the time to sleep, nothing where wrk is busy.  So the cores
# stay awake, as far as this user may ask for that (Linux, PM QoS interface).

awake=no

if [ -w /dev/cpu_dma_latency ]; then
    exec {latency}<> /dev/cpu_dma_latency
    printf '\0\0\0\0' >&"$latency"
    awake=yes
fi

trap finish EXIT
trap 'exit 130' INT TERM


# The directory of all files, a port for each name given, the keys and the
# tokens.

prepare() {
    local free

    dir=$(mktemp -d "${TMPDIR:-/tmp}/social-bench.XXXXXX")
    mkdir "$dir/html" "$dir/tmp"
    printf 'ok\n' > "$dir/html/file"
    chmod 755 "$dir" "$dir/html"
    chmod 777 "$dir/tmp"

    perl -I"$top/t/lib" "$here/token.pl" "$dir" "$pool" "$client" "$kid" \
        "$tokens"
    chmod 644 "$dir"/html/*
    (umask 077; echo "whsec_$(openssl rand -base64 32)" > "$dir/secret")

    read -r -a free <<< "$(perl -MIO::Socket::INET -e '
        my @s = map { IO::Socket::INET->new(LocalAddr => "127.0.0.1",
                                            Listen => 1) } 1 .. $ARGV[0];
        print join " ", map { $_->sockport } @s' $#)"

    while [ $# -gt 0 ]; do
        port_of[$1]=${free[$# - 1]}
        shift
    done
}


# fill FILE NAME=TEXT...: prints a template of this directory, filled in.

fill() {
    local text pair

    text=$(cat "$here/$1")
    shift

    for pair in DIR="$dir" "$@"; do
        text=${text//"@${pair%%=*}@"/"${pair#*=}"}
    done

    printf '%s\n' "$text"
}

# start CPU NAME COMMAND...: the name is kept with the process for cpu_ns.

start() {
    local cpu=$1 name=$2

    shift 2
    taskset -c "$cpu" "$@" >> "$dir/start.log" 2>&1 &
    pids+=($!)
    pid_of[$name]=$!
}

# write_nginx NAME LOAD HTTP

write_nginx() {
    fill nginx.conf NAME="$1" LOAD="$2" HTTP="$3" REQUESTS="$requests" \
        > "$dir/$1.conf"
}

# start_nginx CPU NAME LOAD HTTP

start_nginx() {
    local cpu=$1

    shift
    write_nginx "$@"
    start "$cpu" "$1" "$nginx" -p "$dir" -e "$dir/$1.log" -c "$dir/$1.conf"
}


# The nginx that has the keys, and a file without any module of ours.

start_base() {
    start_nginx "$server_cpu" base "" "
        server { listen 127.0.0.1:${port_of[base]}; }
        $*"
}

# The backend nginx.  On wrk's core: the other core is measured.

start_back() {
    start_nginx "$client_cpu" back "" "
        server {
            listen 127.0.0.1:${port_of[back]};
            location = /identity {
                return 200 '\$http_x_social_sub \$http_x_social_assertion';
            }
        }"
}

# The module in use, a port for each target; more of the configuration may be
# given.  "d" is left out, with skipped_d saying why, where the module has no
# "social_auth_cache".

start_used() {
    local common proxied d said

    common="
        social_zone social:$zone;
        social_issuer users {
            user_pool $pool;
            client_ids $client;
            jwks_uri http://127.0.0.1:${port_of[base]}/keys.json;
        }
        social_secret backend file=$dir/secret;

        log_format subject '\$remote_addr [\$time_local] \"\$request_method '
                           '\$uri\" \$status \$connection \$social_sub';
        log_format constant '\$remote_addr [\$time_local] \"\$request_method '
                            '\$uri\" \$status \$connection $subject';
        upstream back {
            server 127.0.0.1:${port_of[back]};
            keepalive 64;
            keepalive_requests $requests;
            keepalive_timeout 1h;
        }
        proxy_http_version 1.1;
        proxy_set_header Connection '';

        server {
            listen 127.0.0.1:${port_of[a]};
            location /private/ { social_auth users; }
        }
        server {
            listen 127.0.0.1:${port_of[b]};
            social_auth users;
        }
        server {
            listen 127.0.0.1:${port_of[ap]};
            access_log $dir/constant.log constant buffer=64k flush=1s;
            location / { proxy_pass http://back; }
        }
        server {
            listen 127.0.0.1:${port_of[bp]};
            access_log $dir/subject.log subject buffer=64k flush=1s;
            social_auth users;
            social_assertion secret=backend;
            location / { proxy_pass http://back; }
        }"

    d="
        server {
            listen 127.0.0.1:${port_of[d]};
            social_auth users;
            social_auth_cache off;
        }"

    skipped_d=
    write_nginx used "load_module $module;" "$common $d $*"

    said=$("$nginx" -t -p "$dir" -e "$dir/used.log" -c "$dir/used.conf" \
        2>&1) || {
        [[ $said == *'unknown directive "social_auth_cache"'* ]] \
            || die "nginx refuses the configuration: $said"
        d=
        skipped_d='this module has no "social_auth_cache" directive'
    }

    start_nginx "$server_cpu" used "load_module $module;" "$common $d $*"
}


# answer TARGET HEADERS [URI]: prints the status; head and body are left in
# files.

answer() {
    local method=GET

    [ "$2" = preflight ] && method=OPTIONS

    curl -s -m 5 -X "$method" -H "@$dir/$2.headers" -o "$dir/body" \
        -D "$dir/head" -w '%{http_code}' \
        "http://127.0.0.1:${port_of[$1]}${3:-/file}" || true
}

# expect TARGET HEADERS STATUS: 200 is with the file.

expect() {
    local target=$1 headers=$2 status=$3 got='' i

    # keys may still be on their way
    for ((i = 0; i < 100; i++)); do
        got=$(answer "$target" "$headers")
        [ "$got" != "$status" ] || break
        sleep 0.1
    done

    [ "$got" = "$status" ] \
        || die "$target answers a request with $headers headers $got, not" \
            "$status: $(cat "$dir"/*.log | tail -n 5)"

    [ "$status" != 200 ] || cmp -s "$dir/body" "$dir/html/file" \
        || die "$target answers 200, but not the file"
}

# A token is required, and the backend of "bp" gets the right identity.

expect_auth() {
    expect "$1" token 200
    expect "$1" none 401
    expect "$1" forged 401
}

expect_identity() {
    answer bp token /identity > /dev/null
    grep -q "^$subject [^. ][^. ]*\.[^. ][^. ]*\.[^. ][^. ]*\$" "$dir/body" \
        || die "the backend of bp gets no identity: $(cat "$dir/body")"

    answer ap token /identity > /dev/null
    [ "$(cat "$dir/body")" = ' ' ] \
        || die "the backend of ap gets an identity: $(cat "$dir/body")"
}


# load TARGET SECONDS: runs wrk against a target with the requests that are
# its own, and prints what wrk.lua does.  wrk does not pass the connection of a
# request to its script.  Where two tokens alternate on each, the number of
# connections is odd: they alternate themselves, so that each gets the other
# token the next time (in_turn checks it).

load() {
    local target=$1 lasts=$2 headers=common method=GET many=1
    local open=$connections

    case $target in
        return204 | preflight) headers=preflight method=OPTIONS many=0 ;;
        ap | bp) many=2 open=$((connections | 1)) ;;
        ac | c | d | haproxy-* | apache-c) many=$tokens ;;
    esac

    BENCH_METHOD=$method BENCH_HEADERS=$dir/$headers.headers \
        BENCH_TOKENS_FILE=$dir/tokens BENCH_TOKENS=$many \
        exec timeout --foreground $((lasts + 15)) \
        taskset -c "$client_cpu" \
        wrk -t1 -c"$open" -d"${lasts}s" -s "$here/wrk.lua" \
        "http://127.0.0.1:${port_of[$target]}/file"
}

# Whether the tokens of a connection alternated, by the log of bp.

in_turn() {
    awk '{ user = $NF; connection = $(NF - 1) }
        connection in last && last[connection] == user { same++ }
        connection in last && last[connection] != user { other++ }
        { last[connection] = user }
        END { exit !(other > 20 * same) }' "$dir/subject.log" \
        || die "the tokens of bp's connections do not alternate"
}

# good TARGET: extracts wrk's line from its output, and stops at errors.

good() {
    local line

    line=$(grep '^wrk ') || die "wrk failed with $1"

    # shellcheck disable=SC2086
    set -- "$1" ${line#wrk }

    [ "$7" = 0 ] || die "$1: $7 of $2 requests failed"
    [ "$2" -gt 0 ] || die "$1: no request was answered"

    shift
    echo "$*"
}

# The worker's memory.

worker_memory() {
    local master worker

    master=${pid_of[$1]}
    worker=$(cat "/proc/$master/task/$master/children")
    awk -v name="$1" '/^(Rss|Private_Dirty):/ { kb[$1] = $2 }
        END { printf "bench memory=%s rss_kb=%d private_dirty_kb=%d\n", name,
              kb["Rss:"], kb["Private_Dirty:"] }' \
        "/proc/${worker%% *}/smaps_rollup"
}
