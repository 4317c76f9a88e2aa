# Node for the page, the development identity provider and the browser test.
# Comes after lib.sh.
# shellcheck shell=bash disable=SC2034,SC2154

# Current packages on npm need Node 22.19 or later; Debian 12 has 18.  Where the
# system's is older, the one that scripts/node/package-lock.json pins is used:
# the program that npm's "node" package would fetch by a script is a separate
# package for each architecture.

node_least=22.19
node_own=$build/node/node_modules

node_arch() {
    case $(uname -m) in
    x86_64) echo x64 ;;
    aarch64) echo arm64 ;;
    *) die "npm has no Node for $(uname -m): install $node_least or later" ;;
    esac
}

# node_good PROGRAM: whether it is a Node that is new enough.

node_good() {
    "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number);
        const [c, d] = process.argv[1].split(".").map(Number);
        process.exit(a > c || (a === c && b >= d) ? 0 : 1)' \
        "$node_least" 2>/dev/null
}

# The path of a Node that is new enough; nothing where there is none.

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
    [ -n "$node" ] || die "there is no Node $node_least or later:" \
        "run \"make deps\""

    PATH=$(dirname "$node"):$PATH
    export PATH
}
