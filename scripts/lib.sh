# Shared by the scripts: where things are, and how they speak.
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

out=$build
[ -z "$sanitize" ] || out=$build/sanitize

module=$out/ngx_http_social_module.so
cc=${CC:-cc}
