#!/usr/bin/perl

# "social_limit" while an exchange with the database is under way: what comes
# meanwhile is counted, and the answer for a key that has lost its place is for
# nobody else.

use strict;
use warnings;

use lib 't/lib';

use Digest::SHA qw( sha256_hex );
use SocialMany;
use SocialNginx;
use SocialPostgres;
use SocialSwallow;
use Test::More;

SocialPostgres::bin()
    or plan skip_all => 'PostgreSQL is not installed: run "make deps"';

my $pg = SocialPostgres->start;
$pg->migrate;

# An exchange does what it does, and then waits until its number is allowed.

my $signature = 'uuid, bigint, bigint, text[], bigint[], bigint[], bigint[]';
my $all = 9_000_000_000_000_000_000;

$pg->sql(<<"_EOC_");
ALTER FUNCTION social_limits_exchange($signature)
    RENAME TO social_limits_real;
CREATE TABLE gate (allowed bigint NOT NULL);
INSERT INTO gate VALUES ($all);
GRANT SELECT ON gate TO PUBLIC;
CREATE FUNCTION social_limits_exchange(p1 uuid, p2 bigint, p3 bigint,
    p4 text[], p5 bigint[], p6 bigint[], p7 bigint[])
    RETURNS TABLE (gateways bigint, demand bigint, used bigint)
LANGUAGE plpgsql AS \$\$
BEGIN
    RETURN QUERY SELECT * FROM social_limits_real(p1, p2, p3, p4, p5, p6, p7);
    PERFORM set_config('application_name', 'held-' || p2, false);

    WHILE p2 > (SELECT allowed FROM gate) LOOP
        PERFORM pg_sleep(0.02);
    END LOOP;
END
\$\$;
_EOC_

my $port = SocialNginx::free_port();
my $nginx;

sub begin {
    my ($database) = @_;

    $nginx = SocialNginx->new;
    mkdir "$nginx->{dir}/html";
    $nginx->write_file('html/x', "here\n");
    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 1024; }
http {
    @{[ $nginx->http_paths ]}
    social_database $database;
    social_limit_interval 200ms;
    social_limit_zone quota key=\$arg_k quota=40r/day;
    social_limit_zone small key=\$arg_k rate=1r/h burst=1000 size=64k;
    server {
        listen 127.0.0.1:$port;
        root $nginx->{dir}/html;
        location = /quota { social_limit quota; try_files /x =404; }
        location = /small { social_limit small; try_files /x =404; }
        location = /metrics { social_status prometheus; }
    }
}
_EOC_
    $nginx->start($port);
    return;
}

begin('"' . $pg->gateway . '" timeout=50s');

sub text { return "GET $_[0] HTTP/1.0\r\n\r\n" }

sub ask {
    my ($n, $path) = @_;
    return statuses(many($port, [ (text($path)) x $n ], width => 100));
}

sub metric {
    my ($name) = @_;
    my ($got) = many($port, [ text('/metrics') ]);
    return $got->{answer} =~ /^\Q$name\E (\S+)$/m ? $1 : 'none';
}

sub waits {
    my ($name, $code) = @_;
    return ok(SocialNginx::wait_for(60, $code), $name);
}

# As the gateway calls a key of a rate.

sub hash { return substr sha256_hex("$_[0]\0" . "0\0$_[1]"), 0, 32 }

# The number of the exchange that waits, when it is another one than that: all
# before it were answered.

sub under_way {
    my ($last) = @_;

    return SocialNginx::wait_for(60, sub {
        my $n = $pg->value("SELECT max(substr(application_name, 6)::bigint)
            FROM pg_stat_activity WHERE application_name LIKE 'held-%'");
        return $n && $n > $last ? $n : undef;
    }) // die "no exchange is under way\n";
}

sub allow { $pg->value("UPDATE gate SET allowed = $_[0]"); return }

# That one is answered, and the one after it is held.

sub step {
    my ($n) = @_;
    allow($n);
    return under_way($n);
}

# One that has begun after this was called: the name that is found first may be
# of one that is over, and the one after it may be on its way.

sub hold {
    allow(0);
    return step(step(under_way(0)));
}


subtest 'a quota' => sub {
    my $n = hold();

    is(ask(5, '/quota?k=q'), '200:5', 'some of it');
    $n = step($n);

    # by which that is counted

    is(ask(10, '/quota?k=q'), '200:10', 'more, while an exchange is under way');
    $n = step($n);
    is(ask(40, '/quota?k=q'), '200:25 429:15',
       'its answer has not forgotten them');

    allow($all);
    waits('all are counted', sub {
        $pg->value('SELECT max(used) FROM limit_quotas') == 40;
    });
    is(ask(5, '/quota?k=q'), '429:5', 'nothing is left');
};

subtest 'a place that another key has got' => sub {
    my @keys = map { "many$_" } 1 .. 64;

    is(statuses(many($port, [ map { text("/small?k=$_") } @keys ])), '200:64',
       'as many keys as there are places');

    my $list = join ', ', map { "'\\x" . hash('small', $_) . "'" } @keys;

    waits('each has one', sub {
        metric('social_limit_leases{limit="small"}') eq '64'
            && $pg->value("SELECT count(*) FROM limit_demands
                               WHERE key IN ($list)") == 64;
    });

    # somebody else is asked for all of them, and much more

    my $other = '00000000-0000-4000-8000-000000000001';

    $pg->sql("INSERT INTO limit_gateways
                  VALUES ('$other', 1, now() + interval '1 hour');
              INSERT INTO limit_demands
                  SELECT key, '$other', 1000000000, now() + interval '1 hour'
                      FROM limit_demands WHERE key IN ($list);");

    my $n = hold();

    is(ask(500, '/small?k=b'), '200:500', 'another is asked for much more');
    is(metric('social_limit_leases{limit="small"}'), 64,
       '... and has the place of one of them');

    step($n);
    is(ask(400, '/small?k=b'), '200:400', 'their answer is not for that one');

    allow($all);
    waits('it is known by its own name', sub {
        $pg->value("SELECT count(*) FROM limit_demands WHERE key = '\\x"
                   . hash('small', 'b') . "'") == 1;
    });
};

allow($all);
$nginx->stop;

unlike($nginx->error_log, qr/\[(?:alert|emerg|crit|error)\]/,
       'nothing bad is logged');


# What has come to the database, and its answer has not come back, is sent again
# and counted once.

subtest 'answers that are lost' => sub {
    my $proxy = SocialSwallow->start($nginx->{dir}, $pg);
    my $used = sub {
        my $day = int(time / 86400) * 86400;
        my $key = substr sha256_hex("quota\0$day\0lost"), 0, 32;
        return $pg->value("SELECT coalesce((SELECT used FROM limit_quotas
            WHERE key = '\\x$key'), 0)");
    };
    my $failed = sub {
        return metric('social_limit_exchanges_total{outcome="failed"}');
    };

    begin('"' . $proxy->conninfo . '" timeout=500ms');
    waits('exchanges', sub {
        metric('social_limit_exchanges_total{outcome="ok"}') > 0 });

    $proxy->hold;
    is(ask(3, '/quota?k=lost'), '200:3', 'some of a quota');
    waits('it is counted', sub { $used->() >= 3 });

    my $before = $failed->();
    waits('the answer is missed, twice', sub { $failed->() >= $before + 2 });
    $proxy->answer;

    waits('all goes on', sub {
        $nginx->error_log =~ /limits are shared again/ });
    is($used->(), 3, 'it was counted once');
    $nginx->stop;
};

done_testing();
