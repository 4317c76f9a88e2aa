# Shared by the scripts: paths, flags and output.
# shellcheck shell=bash disable=SC2034

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${BUILD:-$top/build}
sanitize=${SANITIZE:-}

say() {
    printf '%s\n' "$*"
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# alone NAME: the rest of this script is for one process at a time, since
# suites that run in parallel call it.

alone() {
    mkdir -p "$build"
    exec 8> "$build/$1.lock"
    flock 8
}

# Flags of what we compile outside nginx's own build: strict, hardened.
c_flags=(-std=c11 -D_GNU_SOURCE -g -O2 -fPIC -Wall -Wextra -Wpedantic
    -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror)
hardening=(-fstack-protector-strong -Wformat -Werror=format-security)
sanitizers=(-fsanitize=address,undefined -fno-sanitize-recover=undefined
    -fno-omit-frame-pointer)

if [ -n "$sanitize" ]; then
    flavour=sanitize
    c_flags+=(-O1 "${sanitizers[@]}")
    ld_flags=("${sanitizers[@]}")
else
    flavour=release
    c_flags+=("${hardening[@]}" -D_FORTIFY_SOURCE=2)
    ld_flags=(-Wl,-z,relro -Wl,-z,now)
fi

# further ones, of a package's build

read -r -d '' -a more_c <<< "${SOCIAL_CFLAGS:-}" || true
read -r -d '' -a more_ld <<< "${SOCIAL_LDFLAGS:-}" || true
c_flags+=(${more_c[@]+"${more_c[@]}"})
ld_flags+=(${more_ld[@]+"${more_ld[@]}"})
cpus=${SOCIAL_JOBS:-$(nproc)}

out=$build
[ -z "$sanitize" ] || out=$build/sanitize

module=$out/ngx_http_social_module.so
cc=${CC:-cc}


# The nginx of the system, which may not be in PATH.

stock_nginx() {
    command -v nginx || {
        [ -x /usr/sbin/nginx ] \
            || die "nginx is not installed: run \"make deps\""
        echo /usr/sbin/nginx
    }
}

# The configure arguments an nginx was built with, quoted for a shell.

nginx_flags() {
    "$1" -V 2>&1 | sed -n 's/^configure arguments: //p'
}

# Clang links its sanitizers' runtime into the program, and the program is
# nginx, which is not linked here: for a library only gcc's works, as it is
# shared.

need_gcc() {
    "$cc" -v 2>&1 | grep -q '^gcc version' \
        || die "SANITIZE=1 needs gcc, $cc is another compiler: leave CC out"
}

# "keep-debuginfo", since nginx unloads the module before it exits.
# "possibly lost" is what some pointer into the middle still reaches, such as
# a pool, whose blocks begin with a header.

valgrind_options=(--tool=memcheck --leak-check=full --show-possibly-lost=no
    --num-callers=40 --keep-debuginfo=yes --gen-suppressions=all
    "--suppressions=$top/t/lib/driver/nginx.supp"
    "--suppressions=$top/scripts/valgrind.suppress")
