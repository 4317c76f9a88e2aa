#!/usr/bin/perl

# conf/prometheus/alerts.yml: each alert fires for what it is for, and not for
# less; and every query of it and of conf/grafana/dashboard.json is answered by
# a Prometheus that asks a gateway, with names that the gateway has.

use strict;
use warnings;

use lib 't/lib';
use Cwd qw( getcwd );
use JSON::PP ();
use POSIX ();
use SocialHook;
use SocialNginx;
use SocialS3;
use SocialToken;
use Test::More;
use Time::HiRes qw( sleep time );

my ($promtool) = grep { -x } map { "$_/promtool" } split /:/, $ENV{PATH};
my ($prometheus) = grep { -x } map { "$_/prometheus" } split /:/, $ENV{PATH};

plan skip_all => 'SKIPPED: Prometheus is not installed; scripts/deps monitoring'
    . ' does it' if !$promtool || !$prometheus;

my $top = getcwd();
my $alerts = "$top/conf/prometheus/alerts.yml";
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};

sub output {
    my ($command) = @_;
    my $said = `$command 2>&1`;
    return ($?, $said);
}

# Of each alert: series that fire it, and some that do not, over 40 minutes,
# a value a minute

my $hist = sub {
    my ($name, $labels, $low, $high) = @_;
    return ("${name}_bucket{$labels,le=\"0.1\"} 0+${low}x40",
            "${name}_bucket{$labels,le=\"10.0\"} 0+${high}x40",
            "${name}_bucket{$labels,le=\"+Inf\"} 0+${high}x40");
};
my $i = 'instance="a"';

my %cases = (
    SocialGatewayDown => [ [ 'up{job="social",instance="a"} 0x40' ],
        [ 'up{job="social",instance="a"} 1x40',
          'up{job="other",instance="a"} 0x40' ] ],
    SocialErrors => [
        [ "social_requests_total{$i,code=\"200\"} 0+980x40",
          "social_requests_total{$i,code=\"502\"} 0+20x40" ],
        [ "social_requests_total{$i,code=\"200\"} 0+995x40",
          "social_requests_total{$i,code=\"404\"} 0+100x40",
          "social_requests_total{$i,code=\"502\"} 0+5x40" ] ],
    SocialSlow => [
        [ $hist->('social_request_seconds', "$i,route=\"r\"", 10, 100) ],
        [ $hist->('social_request_seconds', "$i,route=\"r\"", 100, 100) ] ],
    SocialKeysMissing => [ [ "social_keys_loaded{$i,issuer=\"m\"} 0x40" ],
        [ "social_keys_loaded{$i,issuer=\"m\"} 1x40" ] ],
    SocialKeysOld => [ [ "social_keys_age_seconds{$i,issuer=\"m\"} 3700x40" ],
        [ "social_keys_age_seconds{$i,issuer=\"m\"} 3500x40" ] ],
    SocialTokensRefused => [
        [ "social_auth_total{$i,issuer=\"m\",outcome=\"ok\"} 0+1x40",
          "social_auth_total{$i,issuer=\"m\",outcome=\"signature\"} 0+3x40" ],
        [ "social_auth_total{$i,issuer=\"m\",outcome=\"ok\"} 0+3x40",
          "social_auth_total{$i,issuer=\"m\",outcome=\"client\"} 0+1x40",
          "social_auth_total{$i,issuer=\"m\",outcome=\"expired\"} 0+9x40",
          "social_auth_total{$i,issuer=\"\",outcome=\"none\"} 0+99x40" ] ],
    SocialDatabaseDown => [
        [ "social_database_connections{$i,state=\"up\"} 0x40",
          "social_database_connection_failures_total{$i} 0+5x40" ],
        [ "social_database_connections{$i,state=\"up\"} 0x40",
          "social_database_connection_failures_total{$i} 5x40" ] ],
    SocialDatabaseSlow => [
        [ $hist->('social_database_statement_seconds', $i, 10, 100) ],
        [ $hist->('social_database_statement_seconds', $i, 100, 100) ] ],
    SocialSpoolGrows => [
        [ "social_hook_spool_events{$i,spool=\"s\"} 51x40",
          "social_hook_spool_limit_events{$i,spool=\"s\"} 100x40" ],
        [ "social_hook_spool_events{$i,spool=\"s\"} 50x40",
          "social_hook_spool_limit_events{$i,spool=\"s\"} 100x40" ] ],
    SocialSpoolAside => [
        [ "social_hook_spool_aside_events{$i,spool=\"s\"} 1x40" ],
        [ "social_hook_spool_aside_events{$i,spool=\"s\"} 0x40" ] ],
    SocialNoWorker => [ [ "social_job_workers{$i} 0x40",
                          "social_jobs{$i,state=\"ready\"} 1x40" ],
        [ "social_job_workers{$i} 0x40", 'social_job_workers{instance="b"} 1x40',
          "social_jobs{$i,state=\"ready\"} 1x40" ] ],
    SocialJobsLate => [ [ "social_jobs_oldest_seconds{$i} 301x40" ],
        [ "social_jobs_oldest_seconds{$i} 300x40" ] ],
    SocialJobsDead => [ [ "social_jobs{$i,state=\"dead\"} 1x40" ],
        [ "social_jobs{$i,state=\"dead\"} 0x40",
          "social_jobs{$i,state=\"ready\"} 9x40" ] ],
    SocialZoneFull => [ [ "social_zone_free_bytes{$i} 49x40",
                          "social_zone_size_bytes{$i} 1000x40" ],
        [ "social_zone_free_bytes{$i} 51x40",
          "social_zone_size_bytes{$i} 1000x40" ] ],
    SocialEventLoopStalls => [
        [ "social_event_loop_stalled_seconds_total{$i} 0+1x40" ],
        [ "social_event_loop_stalled_seconds_total{$i} 0+0.5x40" ] ],
    SocialConnectionsDropped => [
        [ "social_connections_dropped_total{$i} 0+1x40" ],
        [ "social_connections_dropped_total{$i} 7x40" ] ],
    SocialUpstreamDown => [
        [ "social_upstream_peer_up{$i,upstream=\"u\",peer=\"1\"} 0x40",
          "social_upstream_peer_up{$i,upstream=\"u\",peer=\"2\"} 0x40",
          "social_upstream_peer_up{$i,upstream=\"v\",peer=\"2\"} 1x40" ],
        [ "social_upstream_peer_up{$i,upstream=\"u\",peer=\"1\"} 0x40",
          "social_upstream_peer_up{$i,upstream=\"u\",peer=\"2\"} 1x40" ] ],
    SocialPeerDown => [
        [ "social_upstream_peer_up{$i,upstream=\"u\",peer=\"1\"} 0x40" ],
        [ "social_upstream_peer_up{$i,upstream=\"u\",peer=\"1\"} 1x40" ] ],
    SocialLimitsNotShared => [
        [ "social_limit_exchange_age_seconds{$i} 301x40" ],
        [ "social_limit_exchange_age_seconds{$i} 300x40" ],

        # one that never had an answer has no age

        [ "social_limit_exchanges_total{$i,outcome=\"failed\"} 0+9x40" ],
        [ "social_limit_exchange_age_seconds{$i} 300x40",
          "social_limit_exchanges_total{$i,outcome=\"failed\"} 0+9x40" ] ],
    SocialStoreSlow => [ [ $hist->('social_store_sync_seconds', $i, 10, 100) ],
        [ $hist->('social_store_sync_seconds', $i, 100, 100) ] ],
);

subtest 'alerts' => sub {
    my ($failed, $said) = output("$promtool check rules $alerts");
    is($failed, 0, 'promtool has nothing to say') or diag($said);

    my ($rules) = SocialNginx::slurp($alerts);
    my @names = $rules =~ /- alert: (\w+)/g;
    is_deeply([ sort @names ], [ sort keys %cases ], 'a test for each');
    is(scalar(() = $rules =~ /^\s+remedy: ".+"$/mg), scalar @names,
       'and a remedy');
    my $doc = SocialNginx::slurp("$top/docs/monitoring.md");
    is(join(' ', grep { $doc !~ /`$_`/ } @names), '', 'in the documentation');

    my $yaml = "rule_files: [ $alerts ]\nevaluation_interval: 1m\ntests:\n";

    for my $name (sort keys %cases) {
        for my $fires (1, 0) {
            $yaml .= "  - interval: 1m\n    input_series:\n";
            for (@{ $cases{$name}[!$fires] }) {
                my ($series, $values) = /\A(\S+) (\S+)\z/ or die "$_\n";
                $yaml .= "      - series: '$series'\n"
                    . "        values: '$values'\n";
            }
            $yaml .= "    promql_expr_test:\n"
                . "      - expr: count(ALERTS{alertname=\"$name\","
                . "alertstate=\"firing\"}) or vector(0)\n"
                . "        eval_time: 35m\n        exp_samples:\n"
                . "          - {labels: '{}', value: $fires}\n";
        }
    }

    $nginx->write_file('test.yml', $yaml);
    ($failed, $said) = output("$promtool test rules $dir/test.yml");
    is($failed, 0, 'each fires, and does not') or diag($said);
};


my $port = SocialNginx::free_port();
my $web = SocialNginx::free_port();
my $s3 = SocialS3->new(port => $port, base => '/objects/raw');

mkdir "$dir/$_" or die "$_: $!\n" for qw( root spool prometheus );
$nginx->write_file('credentials', $s3->credentials_text);
$nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    @{[ hook_config() ]}
    $http_config
    @{[ issuer_block('far', 'issuer https://f.example', 'client_ids *',
                     "jwks_uri http://127.0.0.1:$port/keys") ]}
    social_revocations open;
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/objects;
        credentials file $dir/credentials;
    }
    social_limit_zone rate key=\$arg_k rate=1000r/s;
    upstream checked { zone checked 64k; server 127.0.0.1:$port;
                       social_health_check uri=/keys; }
    server {
        listen 127.0.0.1:$port;
        location = / { social_limit rate; proxy_pass http://checked/keys; }
        location = /hook { social_hook cognito secret=now spool=$dir/spool; }
        location = /keys { root $dir; }
        location = /back { return 500 "x\\n"; }
        location = /api {
            social_auth main;
            proxy_pass http://127.0.0.1:$port/back;
        }
        location /objects/ { social_store raw root=$dir/root; }
        location = /metrics { social_status prometheus; }
    }
}
_EOC_
$nginx->write_file('keys', jwks_text('main'));
$nginx->start($port);

$nginx->write_file('prometheus.yml', <<"_EOC_");
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [ $alerts ]
scrape_configs:
  - job_name: social
    static_configs: [ { targets: [ "127.0.0.1:$port" ] } ]
_EOC_

my $pid = fork // die "fork: $!\n";

if (!$pid) {
    open STDOUT, '>', "$dir/prometheus.log";
    open STDERR, '>&', \*STDOUT;
    exec $prometheus, "--config.file=$dir/prometheus.yml",
        "--storage.tsdb.path=$dir/prometheus",
        "--web.listen-address=127.0.0.1:$web" or POSIX::_exit(127);
}

END {
    if ($pid) {
        local $?;
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }
}

sub api {
    my ($path, %o) = @_;

    my $query = join '&', map {
        "$_=" . ($o{$_} =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ger)
    } sort keys %o;
    my $answer = eval { SocialNginx::request($web, "GET /api/v1/$path?$query"
        . " HTTP/1.0\r\n\r\n") } // '';
    my ($text) = $answer =~ /\r\n\r\n(.*)\z/s;

    return eval { JSON::PP->new->utf8->decode($text) } // {};
}

sub results {
    my $got = api('query', query => $_[0]);
    return ($got->{status} // 'none') eq 'success'
        ? scalar @{ $got->{data}{result} } : $got->{error} // 'no answer';
}

subtest 'queries' => sub {
    ok(SocialNginx::wait_for(60, sub { results('up == 1') eq '1' }),
       'a Prometheus that asks') or diag(SocialNginx::slurp(
           "$dir/prometheus.log"));

    my $good = bearer();

    ok(SocialNginx::wait_for(60, sub {
        $s3->request(PUT => '/x', body => 'x' x 100);
        SocialNginx::request($port, "GET /api HTTP/1.0\r\n$good\r\n\r\n");
        sleep 0.5;
        return results('rate(social_store_sync_commits_count[30s]) > 0') eq '1'
            && results('rate(social_upstream_seconds_count[30s]) > 0') eq '1'
            && results('social_jobs') eq '4';
    }), 'with numbers');

    my $of = JSON::PP->new->utf8->decode(
        SocialNginx::slurp("$top/conf/grafana/dashboard.json"));
    my $n = 0;

    for my $panel (@{ $of->{panels} }) {
        for my $target (@{ $panel->{targets} // [] }) {
            my $query = $target->{expr} =~ s/\$__rate_interval/30s/gr
                =~ s/\$instance/.*/gr;

            # what there are none of is a sum of nothing

            my $got = results($query);
            like($got, qr/\A[1-9]\d*\z/, "$panel->{title}: $query");
            $n++;
        }
    }
    cmp_ok($n, '>=', 45, 'queries of the dashboard');

    my $rules = api('rules')->{data}{groups}[0]{rules};
    is(scalar @$rules, scalar keys %cases, 'all rules');
    is(join(' ', map { "$_->{name}: $_->{lastError}" }
       grep { $_->{health} ne 'ok' } @$rules), '', 'are evaluated');

    # names of a rule are those of the gateway

    my $text = SocialNginx::slurp($alerts);
    my %names = map { $_ => 1 } $text =~ /\b(social_[a-z_]+?)(?=[\s{\[<>)])/g;
    my @unknown = grep { results("count({__name__=\"$_\"})") ne '1' }
        grep { !/\Asocial_(?:database|zone|store)\z/ } sort keys %names;
    is("@unknown", '', 'the gateway has all of them');
    cmp_ok(scalar keys %names, '>=', 18, 'names');
};

unlike($nginx->error_log, qr/\[(?:alert|emerg)\]/, 'the log');

done_testing();
