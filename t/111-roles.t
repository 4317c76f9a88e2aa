#!/usr/bin/perl

# What each role may do in the database: all that its program asks for, and
# nothing else.

use strict;
use warnings;

use lib 't/lib';

use File::Temp ();
use Test::More;

use SocialBucket;
use SocialImage;
use SocialPostgres;

SocialPostgres::bin()
    or plan skip_all => 'PostgreSQL is not installed: run "make deps"';

my $pg = SocialPostgres->start;
my $dir = File::Temp->newdir('social-roles-XXXXXX', TMPDIR => 1);
chmod 0755, "$dir";

delete $ENV{$_} for grep { /^(SOCIAL_WORKER_|PG)/ } keys %ENV;

sub v { return $pg->value($_[0]) }

sub slurp {
    my ($file) = @_;
    open my $f, '<', $file or die "$file: $!";
    local $/;
    return <$f>;
}

sub spew {
    my ($file, $data) = @_;
    open my $f, '>:raw', $file or die "$file: $!";
    print $f $data;
    close $f;
}

# SQL as a role: its output, and whether it worked.

sub as {
    my ($role, $sql, %o) = @_;

    my $conninfo = "host=$pg->{dir} user=$role dbname=" . ($o{db} // 'social');
    spew("$dir/sql", "$sql;");
    my $out = `psql -X -q -A -t -v ON_ERROR_STOP=1 -d '$conninfo' -f $dir/sql 2>&1`;
    my $ok = $? == 0;
    chomp $out;
    return wantarray ? ($out, $ok) : $out;
}

sub allowed {
    my ($role, $sql, $wanted, $name) = @_;
    my ($out, $ok) = as($role, $sql);
    ok($ok, $name) or diag($out);
    is($out, $wanted, '... with its answer') if defined $wanted;
    return $out;
}

sub denied {
    my ($role, $sql, $name) = @_;
    my ($out, $ok) = as($role, $sql);
    ok(!$ok && $out =~ /permission denied|must be (?:owner|superuser|member)/,
        $name) or diag($ok ? "worked: $out" : $out);
    return;
}

sub migrate {
    my ($conninfo, $sql) = @_;
    local $ENV{SOCIAL_DATABASE} = $conninfo;
    local $ENV{SOCIAL_SQL} = $sql if $sql;
    my $out = `scripts/migrate 2>&1`;
    return wantarray ? ($out, $? == 0) : $out;
}


$pg->migrate;
v("ALTER ROLE $_ LOGIN") for qw(social_owner social_gateway social_worker
    social_backend);


subtest 'what the programs ask for' => sub {
    my %sources = (
        social_gateway => ['ngx_social_module/http/*/*.c'],
        social_worker => ['ngx_social_module/worker/*.c'],
        social_backend => ['backend/social_backend/*.py'],
    );
    my %least = (social_gateway => 6, social_worker => 8, social_backend => 1);

    for my $role (sort keys %sources) {
        my (%functions, %tables);

        for my $file (map { glob } @{ $sources{$role} }) {
            my $text = slurp($file);

            # literals that follow one another are one

            while ($text =~ /((?:f?"(?:[^"\\\n]|\\.)*"\s*)+)/g) {
                my $sql = join '', $1 =~ /"((?:[^"\\\n]|\\.)*)"/g;
                next if $sql !~ /^(?:SELECT|INSERT|UPDATE|DELETE|WITH)\s/;

                $functions{$_} = 1 for $sql =~ /\b(social_\w+)\(/g;
                $tables{"$1 SELECT"} = 1
                    while $sql =~ /\b(?:FROM|JOIN)\s+([a-z]\w+)\b(?!\s*\()/g;
                $tables{"$1 INSERT"} = 1 while $sql =~ /\bINTO\s+(\w+)/g;
                $tables{"$1 UPDATE"} = 1
                    if $sql =~ /^UPDATE\s+(\w+)/;
            }
        }

        cmp_ok(scalar(keys %functions), '>=', $least{$role},
            "$role: the scan finds functions");

        for my $name (sort keys %functions) {
            is(v("SELECT bool_and(has_function_privilege('$role', oid,
                'EXECUTE') AND prosecdef) FROM pg_proc
                WHERE proname = '$name'"), 't', "$role calls $name()");
        }

        for (sort keys %tables) {
            my ($name, $right) = split;
            next if $name =~ /^pg_/;
            is(v("SELECT has_any_column_privilege('$role', '$name',
                '$right')"), 't', "$role has $right of $name");
        }
    }
};


subtest 'the gateway' => sub {
    my $role = 'social_gateway';
    my $id = '00000000-0000-4000-8000-000000000001';

    allowed($role, "SELECT social_user_sync('i', 's', 'Ann', 'ann\@x', 'Ann')
        IS NOT NULL", 't', 'makes a user');
    allowed($role, "SELECT social_upload_create('$id', 'i', 's', 'Ann',
        'post', 'raw', 'raw/1', 'image/jpeg', 1, NULL, '5 minutes')", $id,
        'an upload');
    allowed($role, "SELECT social_object_created('t', 'e1', 'raw', 'raw/1', 1,
        'x')", 'queued', 'its job');
    allowed($role, "SELECT social_upload_get('$id', 'i', 's') ->> 'state'",
        'stored', 'and looks at it');
    allowed($role, "SELECT social_revoke('i', 'jti:1',
        social_id, now() + interval '1 hour') FROM (SELECT decode(
        '000102030405060708090a0b0c0d0e0f', 'hex') AS social_id) t", undef,
        'ends a session');
    allowed($role, 'LISTEN social_revocations; SELECT count(*) FROM
        revocations WHERE until > now()', 1, 'follows those that ended');
    allowed($role, 'SELECT social_revocations_expire(10)', 0,
        'and forgets them');
    allowed($role, "SELECT social_logout('i', 'sid:1', decode(
        '100102030405060708090a0b0c0d0e0f', 'hex'), '', '', now() - interval
        '1 hour', 's', 9, 5, now() - interval '1 hour')", 0,
        'of a token, and all of a user');
    allowed($role, "SELECT social_revocations_source() ~
        '^primary/[0-9]{10,}/[0-9A-F]{8}/[0-9]+\$'", 't',
        'knows from which server');
    denied($role, "SELECT social_revoke_all('i', 's')",
        'ends those of nobody without a token');

    allowed($role, "SELECT count(*) FROM social_limits_exchange('$id', 1, 1000,
        '{aa,bb}', '{1,2}', '{0,3}', '{NULL,9000000000}')", 3, 'shares limits');
    allowed($role, 'SELECT social_limits_expire(10)', 0, '... of the present');
    denied($role, "SELECT * FROM $_", "... and reads nothing of $_")
        for qw( limit_gateways limit_demands limit_quotas );

    denied($role, 'SELECT email FROM users', 'reads no e-mail addresses');
    denied($role, 'SELECT sub FROM users', 'no users at all');
    denied($role, "SELECT * FROM $_", "nothing of $_")
        for qw(jobs uploads events activities deleted_users social_callers
            job_handlers job_schedules social_jobs);
    allowed($role, 'SELECT count(*) > 0 FROM schema_migrations', 't',
        'sees how old the schema is');
    denied($role, "DELETE FROM $_", "deletes nothing of $_")
        for qw(revocations users jobs);
    denied($role, "INSERT INTO revocations (issuer, session, id, until)
        VALUES ('a', 'b', '\\x00', now())", 'writes none but by a function');
    denied($role, 'DROP TABLE users', 'drops no tables');
    denied($role, 'CREATE TABLE mine ()', 'makes none');
    denied($role, 'CREATE TEMP TABLE mine ()', 'no temporary ones');
    denied($role, "CREATE FUNCTION social_revoke(int) RETURNS int LANGUAGE sql
        AS 'SELECT 1'", 'no functions');
    allowed($role, "SELECT social_user_seen('i', 't', 'Tom') IS NOT NULL", 't',
        'a user by a token');
    allowed($role, "SELECT count(*) FROM social_user_export('i', 't', '')", 1,
        'an export');
    allowed($role, "SELECT social_user_delete('i', 't')", 't',
        'a user who leaves');
    denied($role, 'SELECT * FROM social_jobs_claim(\'images\', \'x\', \'1 s\','
        . (v("SELECT max(pronargs) FROM pg_proc
            WHERE proname = 'social_jobs_claim'") == 5 ? "1, 1)" : '1)'),
        'takes no jobs');
    denied($role, 'SELECT social_grants()', 'grants nothing');
    denied($role, "SET ROLE $_", "does not become $_")
        for qw(social_owner social_worker social_backend social);
};


subtest 'the backend' => sub {
    my $role = 'social_backend';
    my $id = v("SELECT id FROM users WHERE sub = 's'");

    allowed($role, "SELECT email FROM users WHERE id = '$id'", 'ann@x',
        'reads a user, who asks for it');
    allowed($role, "UPDATE users SET handle = 'annie', display_name = 'A',
        bio = 'b' WHERE id = '$id' RETURNING handle", 'annie',
        'writes what is theirs');
    allowed($role, "INSERT INTO activities (id, user_id, message)
        VALUES ('$id', '$id', 'hi') ON CONFLICT (id) DO NOTHING", undef,
        'and what they say');
    allowed($role, 'SELECT count(*) FROM activities a JOIN users u
        ON u.id = a.user_id', 1, 'and reads it');

    denied($role, "UPDATE users SET $_", "not their $_")
        for "sub = 'x'", "issuer = 'x'", "email = 'x'", "avatar_key = 'x'";
    denied($role, "$_ FROM jobs", "$_: jobs are closed to it")
        for 'SELECT *', 'DELETE';
    denied($role, "$_ FROM revocations", "$_: so are revocations")
        for 'SELECT *', 'DELETE';
    denied($role, "SELECT * FROM $_", "and $_")
        for qw(uploads events deleted_users);
    denied($role, 'DELETE FROM users', 'deletes no user');
    denied($role, "SELECT social_revoke('i', 's', now())",
        'ends no session');
    denied($role, 'DROP TABLE activities', 'drops no tables');
    denied($role, 'TRUNCATE activities', 'empties none');
    denied($role, 'SET ROLE social_owner', 'does not become the owner');
};


subtest 'the worker' => sub {
    my $role = 'social_worker';
    my $program = $ENV{SOCIAL_WORKER}
        || ($ENV{SANITIZE} ? 'build/sanitize' : 'build') . '/social-worker';

    denied($role, "SELECT * FROM $_", "reads nothing of $_")
        for qw(users revocations uploads events activities deleted_users);
    denied($role, 'UPDATE jobs SET state = \'done\'', 'changes no job');
    denied($role, "SELECT social_user_sync('i', 'x', 'x', 'x', 'x')",
        'makes no user');
    denied($role, "SELECT social_revoke('i', 's', now())",
        'ends no session');
    denied($role, 'DROP TABLE jobs', 'drops no tables');
    denied($role, 'SET ROLE social_owner', 'does not become the owner');
    allowed($role, 'LISTEN social_jobs; SELECT social_prune() >= 0', 't',
        'is notified of jobs, and prunes');

    SKIP: {
        skip "$program is not there", 1 unless -x $program;

        mkdir "$dir/$_", 0755 for qw(raw raw/raw assets);
        my $buckets = SocialBucket->start($dir);
        spew("$dir/raw/raw/1", SocialImage::photo(80, 60));
        spew("$dir/worker.conf", <<"CONF");
database { conninfo = "host=$pg->{dir} user=$role dbname=social" }
bucket raw { @{[ $buckets->conf ]} }
bucket assets { @{[ $buckets->conf ]} }
variant small {
    width = 16
    height = 16
}
kind post { variants = {"small"} output = "assets" time_limit = "80s" }
kind avatar {
    variants = {"small"}
    output = "assets"
    alias = "avatars/{sub}.jpg"
    time_limit = "80s"
}
CONF

        my $said = `$program -v -c $dir/worker.conf check 2>&1`;
        is($?, 0, 'check is content') or diag($said);

        $said = `$program -v -c $dir/worker.conf once 2>&1`;
        is(v("SELECT state FROM uploads WHERE object_key = 'raw/1'"), 'ready',
            'does a job') or diag($said);

        # one with the name that stays, and one that fails

        for my $n (2, 3) {
            my $id = "00000000-0000-4000-8000-00000000000$n";
            v("SELECT social_upload_create('$id', 'i', 's', 'Ann', 'avatar',
                'raw', 'raw/$n', 'image/jpeg', 1, NULL, '5 minutes')");
            spew("$dir/raw/raw/$n", $n == 2 ? SocialImage::photo(80, 60)
                : 'junk');
            v("SELECT social_object_created('t', 'f$n', 'raw', 'raw/$n', 1,
                'x')");
        }

        $said = `$program -v -c $dir/worker.conf once 2>&1`;
        is(v("SELECT string_agg(state, ' ' ORDER BY object_key) FROM uploads
            WHERE object_key IN ('raw/2', 'raw/3')"), 'ready failed',
            'an avatar, and what is not an image') or diag($said);
        unlike($said, qr/permission denied/, 'nothing was denied');

        $said = `$program -v -c $dir/worker.conf jobs 2>&1`;
        like($said, qr/^\d+\tdead\t/m, 'lists jobs');
        my ($job) = $said =~ /^(\d+)\t/m;
        `$program -v -c $dir/worker.conf jobs retry $job 2>&1`;
        is($?, 0, 'tries one again');
        `$program -v -c $dir/worker.conf jobs discard $job 2>&1`;
        is($?, 0, 'and discards it');
    }
};


subtest 'who owns it' => sub {
    is(v("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace
        AND relowner <> 'social_owner'::regrole"), 0,
        'migrated by a superuser, all is the owner\'s');
    is(v("SELECT count(*) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
            AND proowner <> 'social_owner'::regrole"), 0,
        'no function acts for a superuser');
    is(v("SELECT count(*) FROM pg_proc WHERE prosecdef
        AND pronamespace = 'public'::regnamespace
        AND NOT 'search_path=public, pg_temp' = ANY (proconfig)"), 0,
        'those that act for the owner have their search_path');
    is(v("SELECT count(*) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
        AND (proacl IS NULL OR proacl::text ~ '[{,]=')"), 0,
        'none is everybody\'s to call');
};


subtest 'migrations by the owner' => sub {
    v("CREATE DATABASE $_ OWNER social_owner") for qw(second third);

    my @dbs = qw(second third);
    my @out = map { open my $p, '-|', "SOCIAL_DATABASE='host=$pg->{dir} "
        . "user=social_owner dbname=$_' scripts/migrate 2>&1" or die; $p } @dbs;
    @out = map { local $/; my $out = <$_>; close $_; [$out, $?] } @out;

    for my $i (0, 1) {
        is($out[$i][1], 0, "$dbs[$i]: no superuser is needed")
            or diag($out[$i][0]);
    }

    my ($out, $ok) = as('social_gateway', "SELECT social_user_sync('i', 's',
        'Ann', NULL, NULL) IS NOT NULL", db => 'second');
    is($out, 't', 'the gateway works with it');

    ($out, $ok) = as('social_gateway', 'SELECT * FROM users', db => 'second');
    like($out, qr/permission denied for table users/, 'within its rights');

    ($out, $ok) = as('social_backend', 'SELECT 1', db => 'third');
    is($out, 1, 'the roles may come in');

    v('CREATE ROLE stranger LOGIN');
    ($out, $ok) = as('stranger', 'SELECT 1', db => 'third');
    like($out, qr/permission denied for database/, 'others may not');

    # one that comes later, and has never heard of roles

    my $later = File::Temp->newdir;
    system "cp conf/sql/*.sql $later/";
    my ($args) = v("SELECT pg_get_function_arguments(oid) FROM pg_proc
        WHERE proname = 'social_upload_get'");
    spew("$later/900_later.sql", <<"SQL");
CREATE OR REPLACE FUNCTION social_upload_get($args) RETURNS json
LANGUAGE sql STABLE AS \$\$
    SELECT json_build_object('n', count(*)) FROM uploads
\$\$;
CREATE FUNCTION social_later() RETURNS bigint LANGUAGE sql AS
    'SELECT count(*) FROM users';
CREATE TABLE later ();
SQL

    ($out, $ok) = migrate("host=$pg->{dir} user=social_owner dbname=second",
        "$later");
    ok($ok, 'another migration') or diag($out);

    ($out, $ok) = as('social_gateway', "SELECT social_upload_get(
        gen_random_uuid(), 'i', 's') ->> 'n'", db => 'second');
    is($out, 0, 'a function that was replaced still acts for the owner');

    for my $sql ('SELECT social_later()', 'SELECT * FROM later') {
        ($out, $ok) = as('social_gateway', $sql, db => 'second');
        like($out, qr/permission denied/, "what is new is closed: $sql");
    }

    as('social_owner', "INSERT INTO social_callers
        VALUES ('social_backend', 'social\\_later'); SELECT social_grants()",
        db => 'second');
    ($out, $ok) = as('social_backend', 'SELECT social_later()',
        db => 'second');
    is($out, 1, 'until it has a row');
};


subtest 'who may make no roles' => sub {
    my $other = SocialPostgres->start;

    $other->value('CREATE ROLE someone LOGIN');
    $other->value('CREATE DATABASE theirs OWNER someone');

    my ($out, $ok) = migrate("host=$other->{dir} user=someone dbname=theirs");
    ok(!$ok, 'cannot start');
    like($out, qr/the role social_owner is missing, and someone may not make/,
        'and the reason is printed');
    like($out, qr/CREATE ROLE social_owner NOLOGIN/, 'and what to do');

    $other->value("CREATE ROLE $_ NOLOGIN") for qw(social_owner social_gateway
        social_worker social_backend);
    ($out, $ok) = migrate("host=$other->{dir} user=someone dbname=theirs");
    ok($ok, 'roles that were made beforehand are taken') or diag($out);
};


done_testing();
