# Sourced by the scripts that run nginx under ASan and UBSan.
#
# Only nginx gets the runtime, not perl or prove: the tests use a wrapper,
# $out/nginx, which execs the real one, so that it keeps its pid and its
# arguments.  Reports are written to files, since most of nginx's processes have
# closed their stderr: a run without a file has no error.
#
# shellcheck shell=bash disable=SC2034,SC2154

# The directory is accessible to the users that workers may become, and outside
# this tree, whose parents may not be.

sanitize_start() {
    reports=$(mktemp -d "${TMPDIR:-/tmp}/social-reports.XXXXXX")
    chmod 1777 "$reports"
    export SOCIAL_REPORTS=$reports
}

# The path of one of gcc's runtime libraries.

sanitize_library() {
    local path

    path=$("$cc" -print-file-name="$1")

    # if there is no such library, gcc prints the name
    [ -f "$path" ] || die "$cc has no $1: run \"scripts/deps sanitize\""
    realpath "$path"
}

# Writes the wrapper of the nginx given, as $sanitized.

sanitize_wrapper() {
    local real=$1 asan ubsan preload

    need_gcc
    real=$(realpath "$real")
    sanitized=$out/nginx

    asan=$(sanitize_library libasan.so)
    ubsan=$(sanitize_library libubsan.so)
    preload=$asan:$ubsan:$out/report.so

    # an nginx with a runtime inside it, such as clang's, needs no second one;
    # one that is linked with gcc's library, as nginx-source does, gets it
    # only earlier

    if nm -D --defined-only "$real" 2>/dev/null | grep -q __asan_init; then
        preload=
    fi

    mkdir -p "$out/reports"

    "$cc" -shared -fPIC -O1 -Wall -Wextra -Werror \
        -DSANITIZE_LIBUBSAN="\"$ubsan\"" -o "$out/report.so" \
        "$top/scripts/sanitize.c"

    # Stacks by unwinding, not by frame pointers, which Debian's nginx is
    # built without: leaks are known by them.  "odr": ngx_modules is, on
    # purpose, in nginx and in every module.  Two files, since each runtime
    # would empty the other's.

    cat > "$sanitized" << END
#!/bin/sh
# Made by scripts/test: $real under ASan and UBSan.

reports=\${SOCIAL_REPORTS:-$out/reports}
export SOCIAL_REPORT_PATH=\$reports/ubsan

asan=log_path=\$reports/asan:log_exe_name=1:detect_odr_violation=0
asan=\$asan:detect_leaks=1:fast_unwind_on_malloc=0:malloc_context_size=40
asan=\$asan:detect_stack_use_after_return=1:strict_string_checks=1

# "nginx -t" ends without freeing the configuration that it has read
for arg; do
    case \$arg in -t|-T) asan=\$asan:detect_leaks=0 ;; esac
done

ubsan=print_stacktrace=1:log_exe_name=1
lsan=suppressions=$top/scripts/leak.suppress:print_suppressions=0

export ASAN_OPTIONS="\$asan\${ASAN_OPTIONS:+:\$ASAN_OPTIONS}"
export UBSAN_OPTIONS="\$ubsan\${UBSAN_OPTIONS:+:\$UBSAN_OPTIONS}"
export LSAN_OPTIONS="\$lsan\${LSAN_OPTIONS:+:\$LSAN_OPTIONS}"

${preload:+export LD_PRELOAD=$preload\${LD_PRELOAD:+:\$LD_PRELOAD}}
exec $real "\$@"
END
    chmod +x "$sanitized"
}


# What nginx itself never frees, and leak.suppress cannot name, is taken out; a
# file with nothing else is not a report.  It is known by every frame: what a
# module allocates in its init_process() has one of another object.
#
#  - the arrays of connections and events, whose functions are static, so that
#    they have no names in Debian's nginx
#  - the pool that main() makes to start with, when the configuration is bad

sanitize_filter() {
    perl -00 -e '
        my $nameless = qr/\#\d+ 0x\w+  \(\S+\/nginx\+0x\w+\)\n\s+/;

        my $arrays = qr/malloc\ \S+\n\s+
            \#1\ 0x\w+\ in\ ngx_alloc\ .*\n\s+
            $nameless{1,3}
            \#\d+\ 0x\w+\ in\ (?:ngx_single_process_cycle
                                 |ngx_spawn_process)\ /x;

        my $first_pool = qr/memalign\ \S+\n\s+
            \#1\ 0x\w+\ in\ ngx_memalign\ .*\n\s+
            \#2\ 0x\w+\ in\ ngx_create_pool\ .*\n\s+
            \#3\ 0x\w+\ in\ main\ /x;

        my ($own, $nginx) = (0, 0);
        my @text;

        while (my $part = <STDIN>) {
            if ($part =~ /$arrays|$first_pool/) {
                $nginx++;
                next;
            }

            $own++ if $part !~ /ERROR: LeakSanitizer|^SUMMARY:.*leaked/;
            push @text, $part;
        }

        print @text if $own || !$nginx;'
}

# False if there are reports; prints them, and leaves them in $out/reports.

sanitize_finish() {
    local file name status=0

    rm -rf "$out/reports"
    mkdir -p "$out/reports"

    for file in "$reports"/*; do
        [ -f "$file" ] || continue

        name=$out/reports/${file##*/}
        sanitize_filter < "$file" > "$name"

        if [ ! -s "$name" ]; then
            rm "$name"
            continue
        fi

        status=1
        printf '\n%s:\n' "$name"
        cat "$name"
    done >&2

    rm -rf "$reports"
    return $status
}
