# Node for the page, the development identity provider and the browser test.
# Comes after lib.sh.
# shellcheck shell=bash disable=SC2034,SC2154

# They need 20.19, Debian 12 has 18.  What npm's "node" package would fetch by
# a script is a package of its own for each architecture, and is taken itself.

node_version=22.23.3
node_own=$build/node/node_modules

node_arch() {
    case $(uname -m) in
    x86_64) echo x64 ;;
    aarch64) echo arm64 ;;
    *) die "no node for $(uname -m): install Node 20.19 or later" ;;
    esac
}

node_good() {
    "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number);
        process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

# The path of a node that will do; nothing where there is none.

node_find() {
    local own

    if node_good "$(command -v node)"; then
        command -v node
        return
    fi

    own=$node_own/node-linux-$(node_arch)/bin/node

    if [ -x "$own" ] && node_good "$own"; then
        echo "$own"
    fi
}

node_path() {
    local node

    node=$(node_find)
    [ -n "$node" ] || die "there is no Node 20.19 or later:" \
        "run \"make deps\""

    PATH=$(dirname "$node"):$PATH
    export PATH
}
