#!/usr/bin/perl

# "social_limit" of two gateways of one database: shares, quotas, and what
# becomes of them while the database is stopped or wrong, a gateway dies, or
# many keys come at once.
#
#   SOAK=1  measures what is admitted for longer, and more strictly

use strict;
use warnings;

use lib 't/lib';

use Digest::SHA qw( sha256_hex );
use SocialMany;
use SocialNginx;
use SocialPostgres;
use Test::More;
use Time::HiRes qw( sleep time );

SocialPostgres::bin()
    or plan skip_all => 'PostgreSQL is not installed: run "make deps"';

my $pg = SocialPostgres->start;
$pg->migrate;

my $interval = 0.2;

sub begin {
    my $port = SocialNginx::free_port();
    my $nginx = SocialNginx->new;

    mkdir "$nginx->{dir}/html";
    $nginx->write_file('html/x', "here\n");
    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 2;
worker_shutdown_timeout 5s;
events { worker_connections 512; }
http {
    @{[ $nginx->http_paths ]}
    social_database "@{[ $pg->gateway ]}" timeout=500ms;
    social_limit_interval ${\($interval * 1000)}ms;

    social_limit_zone burst key=\$arg_k rate=10r/h burst=100;
    social_limit_zone rate key=\$arg_k rate=40r/s burst=4;
    social_limit_zone half key=\$arg_k rate=1r/h burst=10 local=50;
    social_limit_zone alone key=\$arg_k rate=1r/h burst=10 fleet=off;
    social_limit_zone quota key=\$arg_k quota=20r/day;
    social_limit_zone month key=\$arg_k quota=1000r/month;
    social_limit_zone small key=\$arg_k rate=1r/h burst=1000 size=64k;

    server {
        listen 127.0.0.1:$port;
        root $nginx->{dir}/html;
        location = /burst { social_limit burst; try_files /x =404; }
        location = /rate { social_limit rate; try_files /x =404; }
        location = /half { social_limit half; try_files /x =404; }
        location = /alone { social_limit alone; try_files /x =404; }
        location = /quota { social_limit quota; try_files /x =404; }
        location = /back {
            social_limit quota;
            social_limit alone;
            try_files /x =404;
        }
        location = /month { social_limit month; try_files /x =404; }
        location = /small { social_limit small; try_files /x =404; }
        location = /metrics { social_status prometheus; }
    }
}
_EOC_
    $nginx->start($port);
    return { nginx => $nginx, port => $port };
}

my $one = begin();
my $two = begin();

sub text { return "GET $_[0] HTTP/1.0\r\n\r\n" }

sub answers {
    my ($gateway, $n, $path) = @_;
    return many($gateway->{port}, [ (text($path)) x $n ]);
}

sub ask { return statuses(answers(@_)) }

# How many of them were admitted.

sub admitted { return scalar grep { $_->{status} eq '200' } answers(@_) }

# What is left of a limit at a gateway, after one more request.

sub left {
    my ($gateway, $path) = @_;
    my ($got) = answers($gateway, 1, $path);
    return $got->{answer} =~ /^RateLimit: "\w+";r=(\d+)/m ? $1 : 'none';
}

sub until_midnight {
    my ($got) = answers($_[0], 1, '/month?k=clock');
    return $got->{answer} =~ /^RateLimit: "month";r=\d+;t=(\d+)/m ? $1 : 0;
}

sub metric {
    my ($gateway, $name) = @_;
    my ($got) = answers($gateway, 1, '/metrics');
    return $got->{answer} =~ /^\Q$name\E (\S+)$/m ? $1 : 'none';
}

sub exchanges { return metric($_[0], 'social_limit_exchanges_total{outcome="ok"}') }

# As the gateway calls it.

sub hash {
    my ($limit, $key, $period) = @_;
    return substr sha256_hex("$limit\0" . ($period // 0) . "\0$key"), 0, 32;
}

sub rows {
    my ($limit, $key) = @_;
    return $pg->value("SELECT count(*) FROM limit_demands WHERE until > now()
                       AND encode(key, 'hex') = '" . hash($limit, $key) . "'");
}

my $today = time;
$today -= $today % 86400;
my ($year, $month) = (gmtime)[5, 4];

sub used {
    my ($limit, $key) = @_;
    my $hash = hash($limit, $key, int $today);
    return $pg->value("SELECT coalesce((SELECT used FROM limit_quotas
                       WHERE encode(key, 'hex') = '$hash'), 0)");
}

sub waits {
    my ($name, $code) = @_;
    return ok(SocialNginx::wait_for(30, $code), $name);
}

sub stopped {
    my ($signal) = @_;

    my @pids = ($pg->{pid}, map { /\A(\d+) \(.*\) \w (\d+) /s
                                  && $2 == $pg->{pid} ? $1 : () }
                map { SocialNginx::slurp($_) } glob '/proc/[0-9]*/stat');
    kill $signal, @pids;
    return;
}

sub logged {
    my ($gateway, $text) = @_;
    my $count = () = $gateway->{nginx}->error_log =~ /\Q$text\E/g;
    return $count;
}


waits('the gateways know of each other', sub {
    metric($one, 'social_limit_gateways') eq '2'
        && metric($two, 'social_limit_gateways') eq '2';
});

subtest 'shares of a burst' => sub {
    is(ask($one, 60, '/burst?k=a'), '200:60', 'most come to the one');
    is(ask($two, 20, '/burst?k=a'), '200:20', '... some to the other');

    waits('both have said so', sub { rows('burst', 'a') == 2 });

    my ($first, $second);

    waits('they have parts of it', sub {
        $first = left($one, '/burst?k=a');
        $second = left($two, '/burst?k=a');
        $first + $second <= 100 && $second < 70;
    });

    cmp_ok($first, '<', 40, "the one has no more than it had ($first)");
    cmp_ok($second, '>', 0, "the other has some ($second)");

    is(rows('burst', 'b'), 0, 'nobody asks for another');
    is(left($one, '/burst?k=b'), 99, '... which has all of it');
    is(rows('burst', 'b'), 0, '... and is asked for too little to say so');

    is(ask($one, 20, '/alone?k=a'), '200:10 429:10', 'one that is not shared');
    is(ask($two, 20, '/alone?k=a'), '200:10 429:10', '... is allowed by each');
    is(rows('alone', 'a'), 0, '... and nobody knows of it');
};

subtest 'a part until it is known' => sub {
    is(admitted($one, 20, '/half?k=a'), 5, 'half of it');
    is(admitted($two, 20, '/half?k=a'), 5, '... by each');
    waits('both have said so', sub { rows('half', 'a') == 2 });
    is(ask($one, 5, '/half?k=a'), '429:5', 'all was used');
};

# Nine of ten requests to the one, as many as can be sent, for some time: how
# many each has admitted in a second.

sub load {
    my ($seconds, @gateways) = @_;
    my %count = map { $_->{port} => 0 } @gateways;
    my $began = time;
    my $n = 0;

    while (time < $began + $seconds) {
        my $gateway = @gateways == 1 || $n++ % 10 ? $gateways[0] : $gateways[1];
        $count{ $gateway->{port} } += admitted($gateway, 1, '/rate?k=load');
    }

    return map { $count{ $_->{port} } / (time - $began) } @gateways;
}

subtest 'overload of two, and of the one that is left' => sub {
    my $part = $ENV{SOAK} ? 0.1 : 0.25;

    load(10 * $interval, $one, $two);

    my ($first, $second) = load($ENV{SOAK} ? 20 : 3, $one, $two);
    my $sum = $first + $second;

    note(sprintf 'admitted: %.1f and %.1f a second', $first, $second);
    cmp_ok(abs($sum - 40), '<=', 40 * $part, "together as one ($sum)");
    cmp_ok($second, '<', 12, 'the other has its part of it');

    kill 'KILL', $one->{nginx}{pid},
        SocialNginx::workers($one->{nginx}{pid});
    delete $one->{nginx}{pid};

    my $began = time;
    my $alone;

    # the others' share is over with its lease

    waits('the one that is left', sub {
        ($alone) = load($ENV{SOAK} ? 5 : 1, $two);
        abs($alone - 40) <= 40 * $part;
    });

    note(sprintf 'admitted: %.1f a second, %.1f s after that', $alone,
         time - $began);
    waits('it is alone', sub { metric($two, 'social_limit_gateways') eq '1' });

    $one = begin();
    waits('... and not any more', sub {
        metric($two, 'social_limit_gateways') eq '2'
            && metric($one, 'social_limit_gateways') eq '2';
    });
};

subtest 'quotas' => sub {
    is(admitted($one, 8, '/quota?k=q'), 8, 'a part of it');
    is($pg->wait_for("SELECT coalesce(max(used), 0) FROM limit_quotas", 8), 8,
       '... is counted');
    is(used('quota', 'q'), 8, '... as this one');

    is(ask($one, 14, '/back?k=back'), '200:10 429:4', 'and another');
    waits('... of which what another limit refused is not counted', sub {
        used('quota', 'back') == 10;
    });

    waits('it is not asked for any more', sub {
        metric($one, 'social_limit_leases{limit="quota"}') eq '0';
    });
    is(used('quota', 'back'), 10, '... nor was it counted later');

    my $total = 8;

    waits('the other knows', sub {
        my $left = left($two, '/quota?k=q');
        $total++;
        return $left <= 20 - $total;
    });

    waits('... and has said so', sub { used('quota', 'q') == $total });
    $total += admitted($two, 30, '/quota?k=q');
    waits('... again', sub { used('quota', 'q') == $total });

    # what the one has left, since it was not asked any more, is a part of it

    $total += admitted($one, 30, '/quota?k=q');

    # it is over when both know that it is, until tomorrow

    waits('all of it is given out', sub {
        my $over = 0;

        for ($one, $two) {
            my ($got) = answers($_, 1, '/quota?k=q');
            my ($after) = $got->{answer} =~ /^Retry-After: (\d+)/m;

            $total++ if $got->{status} eq '200';
            $over++ if defined $after
                       && abs($after - 86400 + time % 86400) < 60;
        }

        return $over == 2;
    });

    cmp_ok($total, '>=', 20, '... all of it');
    cmp_ok($total, '<=', 26, "... and not much more ($total)");
    is(ask($_, 5, '/quota?k=q'), '429:5', 'nothing is left') for $one, $two;

    $one->{nginx}->stop;
    $one = begin();

    waits('a gateway that was restarted', sub {
        metric($one, 'social_limit_gateways') eq '2';
    });

    my $more = 0;

    waits('... refuses', sub {
        my $got = admitted($one, 1, '/quota?k=q');
        $more += $got;
        return !$got;
    });

    cmp_ok($more, '<=', 10, "as soon as it knows ($more)");
    is(ask($one, 5, '/quota?k=q'), '429:5', '... for good');
};

subtest 'a database that is stopped' => sub {
    is(ask($one, 30, '/burst?k=s'), '200:30', 'a key of both');
    is(ask($two, 30, '/burst?k=s'), '200:30', '... is known to both');
    waits('... by now', sub {
        left($one, '/burst?k=s') + left($two, '/burst?k=s') <= 100;
    });

    is(admitted($one, 3, '/quota?k=s'), 3, 'a quota');
    is(SocialNginx::wait_for(30, sub { used('quota', 's') == 3 }), 1,
       '... is counted');

    # asked for, so that it is reported: its share is kept

    stopped('STOP');

    my $sum = admitted($one, 100, '/burst?k=s')
              + admitted($two, 100, '/burst?k=s');
    cmp_ok($sum, '<=', 100, "they keep their shares ($sum)");
    cmp_ok($sum, '>', 0, '... which are not nothing');

    my $more = admitted($one, 4, '/quota?k=s');
    is($more, 4, 'and what is left of a quota');
    is(ask($one, 120, '/burst?k=new'), '200:100 429:20', 'another key has all');
    is(ask($one, 20, '/half?k=new'), '200:5 429:15', '... or its part');

    waits('it is said', sub {
        logged($_, 'social: limits are not shared, each gateway keeps its '
               . 'shares: the database is unavailable') or return
            for $one, $two;
        1;
    });

    waits('and counted', sub {
        metric($one, 'social_limit_exchanges_total{outcome="failed"}') >= 2;
    });

    cmp_ok(metric($one, 'social_limit_exchange_age_seconds'), '>', $interval,
           'the age of the last exchange');
    is(logged($one, 'social: limits are not shared'), 1, 'said once');

    stopped('CONT');

    waits('it goes on', sub {
        logged($one, 'social: limits are shared again')
            && logged($two, 'social: limits are shared again');
    });

    waits('what was used meanwhile is counted', sub {
        used('quota', 's') >= 3 + $more;
    });

    my $done = exchanges($one);
    waits('after some more', sub { exchanges($one) > $done + 3 });
    is(used('quota', 's'), 3 + $more, '... it was counted once');
};

# What was used of a quota, and was reported without an answer, when the process
# that has done so is not there to say it again.

for my $way (qw( killed stopped reloaded )) {

    subtest "a process that is $way before its report is answered" => sub {
        my $key = "lost-$way";
        my $nginx = $one->{nginx};
        my $failed = 'social_limit_exchanges_total{outcome="failed"}';

        is(admitted($one, 3, "/quota?k=$key"), 3, 'a quota');
        waits('... is counted', sub { used('quota', $key) == 3 });

        my $log = length $nginx->error_log;

        stopped('STOP');

        # what was sent over a connection that was there is read later, also when
        # its sender is gone; and there is none any more after that

        my $n = metric($one, $failed);
        waits('no connection is left', sub {
            metric($one, $failed) >= $n + 2;
        });

        is(admitted($one, 4, "/quota?k=$key"), 4, 'more of it');

        # one exchange may be under way; the next one has it

        $n = metric($one, $failed);
        waits('is reported, and not answered', sub {
            metric($one, $failed) >= $n + 2;
        });

        my ($pid) = substr($nginx->error_log, $log)
            =~ /.*\[error\] (\d+)#\d+: social: limits are not shared/s;
        ok($pid, 'by a process') or return stopped('CONT');

        kill $way eq 'killed' ? 'KILL' : 'STOP', $pid if $way ne 'reloaded';
        ok($nginx->reload, 'a reload') if $way eq 'reloaded';
        stopped('CONT');

        waits('another one reports it', sub { used('quota', $key) >= 7 });

        kill 'CONT', $pid if $way eq 'stopped';

        my $done = exchanges($one);
        waits('after some more', sub { exchanges($one) > $done + 6 });
        is(used('quota', $key), 7, '... it was counted once');
    };
}

subtest 'a database that is wrong, and one with another clock' => sub {
    my $signature = 'uuid, bigint, bigint, text[], bigint[], bigint[], bigint[]';

    $pg->sql("ALTER FUNCTION social_limits_exchange($signature)
              RENAME TO social_limits_other;");

    waits('it is said', sub {
        logged($one, 'keeps its shares: the database refused it');
    });

    is(ask($one, 3, '/rate?k=wrong'), '200:3', 'requests are served');

    my $before = until_midnight($one);

    $pg->sql("CREATE FUNCTION social_limits_exchange(uuid, bigint, bigint,
        text[], bigint[], bigint[], bigint[])
        RETURNS TABLE (gateways bigint, demand bigint, used bigint)
        LANGUAGE sql AS \$\$
            SELECT gateways, CASE WHEN used IS NULL THEN demand - 36000
                                  ELSE demand END, used
                FROM social_limits_other(\$1, \$2, \$3, \$4, \$5, \$6, \$7)
        \$\$;");

    waits('the clock that counts is that of the database', sub {
        until_midnight($one) >= $before + 36000 - 60
            || (gmtime)[3] == 1 && until_midnight($one) < $before;
    });

    $pg->sql("DROP FUNCTION social_limits_exchange($signature);
              ALTER FUNCTION social_limits_other($signature)
              RENAME TO social_limits_exchange;");

    waits('all is as it was', sub {
        until_midnight($one) <= $before
            && logged($one, 'social: limits are shared again') >= 2;
    });
};

subtest 'processes' => sub {
    for (1, 2) {
        my $nginx = $one->{nginx};
        my ($pid) = SocialNginx::workers($nginx->{pid});
        my $done = exchanges($one);

        kill 'KILL', $pid;
        waits('one that is killed, and others go on', sub {
            SocialNginx::workers($nginx->{pid}) == 2 && exchanges($one) > $done + 1;
        });
    }

    my $id = sub {
        $pg->value("SELECT count(*) FROM limit_gateways WHERE until > now()");
    };
    my $done = exchanges($one);

    ok($one->{nginx}->reload, 'a reload');
    waits('... goes on', sub { exchanges($one) > $done + 1 });
    is($id->(), 2, '... as the same gateway');
};

subtest 'many keys' => sub {
    my @texts = map { (text("/small?k=many$_")) x 3 } 1 .. 200;

    is(statuses(many($one->{port}, \@texts, width => 50)), '200:600',
       'all of them');

    my $leases = metric($one, 'social_limit_leases{limit="small"}');
    cmp_ok($leases, '<=', 64, "few are reported ($leases)");
    cmp_ok($leases, '>=', 32, '... but not too few');

    waits('one that is asked for more', sub {
        admitted($one, 50, '/small?k=most');
        rows('small', 'most') == 1;
    });

    cmp_ok($pg->value("SELECT count(*) FROM limit_demands"), '<=', 500,
           'what the database has is bounded');
    cmp_ok(metric($one, 'social_limit_leases{limit="small"}'), '<=', 64,
           '... as before');

    waits('they are forgotten', sub {
        metric($one, 'social_limit_leases{limit="burst"}') eq '0'
            || metric($one, 'social_limit_leases{limit="rate"}') eq '0';
    });
};

$_->{nginx}->stop for $one, $two;

subtest 'the statements' => sub {
    $pg->sql('DELETE FROM limit_gateways; DELETE FROM limit_demands;
              DELETE FROM limit_quotas;');

    my ($a, $b, $c) = map { "00000000-0000-4000-8000-00000000000$_" } 1 .. 3;
    my $until = int(time) + 100;

    my $exchange = sub {
        my ($id, $number, $keys, $demands, $used, $ends, $lease) = @_;
        $lease //= 100_000;
        return $pg->value("SELECT string_agg(concat_ws(',', gateways,
            CASE WHEN used IS NULL THEN sign(demand - $until + 200)
                 ELSE demand END, used), ' ') FROM social_limits_exchange('$id',
            $number, $lease, '{$keys}', '{$demands}', '{$used}', '{$ends}')");
    };

    is($exchange->($a, 1, '', '', '', ''), '1,1', 'one gateway');
    is($exchange->($b, 1, '', '', '', ''), '2,1', 'two');
    is($exchange->($a, 2, 'aa,bb', '5,7', '0,0', 'NULL,NULL'),
       '2,1 0,0,0 0,0,0', 'what nobody else asks for');
    is($exchange->($b, 2, 'bb,aa,cc', '1,2,3', '0,0,0', 'NULL,NULL,NULL'),
       '2,1 1,7,0 1,5,0 0,0,0', 'what the other does, in the order of keys');
    is($exchange->($c, 1, 'aa', '9', '0', 'NULL'), '3,1 2,7,0', 'and a third');

    is($exchange->($a, 3, 'dd,ee', '1,1', '4,6', "$until,$until"),
       '3,1 0,0,4 0,0,6', 'quotas');
    is($exchange->($a, 3, 'dd,ee', '1,1', '4,6', "$until,$until"),
       '3,1 0,0,4 0,0,6', 'the same again is counted once');
    is($exchange->($a, 2, 'dd', '1', '4', $until), '3,1 0,0,4',
       '... and what is older is not');
    is($exchange->($b, 3, 'ee,dd', '1,1', '10,0', "$until,$until"),
       '3,1 1,1,16 1,1,4', 'of both');
    is($exchange->($a, 4, 'dd', '1', '1', $until), '3,1 1,1,5', 'and so on');

    $exchange->($c, 2, 'aa', '9', '0', 'NULL', 1);
    is($pg->wait_for("SELECT until < now() FROM limit_gateways
                      WHERE id = '$c'", 't'), 't', 'one that has gone');
    is($exchange->($a, 5, 'aa', '5', '0', 'NULL'), '2,1 1,2,0',
       '... counts no more');

    $pg->sql("UPDATE limit_quotas SET until = now() - interval '1 s'
              WHERE key = '\\xdd';
              INSERT INTO limit_demands SELECT int4send(i), '$c', 1,
                  now() - interval '1 s' FROM generate_series(1, 25) i;
              UPDATE limit_gateways SET until = now() - interval '2 days'
              WHERE id = '$c';");

    is($pg->value('SELECT social_limits_expire(20)'), 22, 'what is over goes');
    is($pg->value('SELECT social_limits_expire(20)'), 6, '... all of it');
    is($pg->value('SELECT social_limits_expire(20)'), 0, '... and nothing else');
    is($pg->value('SELECT count(*) FROM limit_quotas'), 1, 'a quota is left');
    is($pg->value('SELECT count(*) FROM limit_gateways'), 2, 'and gateways');
};

for my $gateway ($one, $two) {
    my @bad = grep { /\[(?:alert|emerg|crit)\]/ } split /\n/,
              SocialNginx::without_kills($gateway->{nginx}->error_log);
    is("@bad", '', 'nothing bad is logged');
}

done_testing();
