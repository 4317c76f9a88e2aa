package Test::Nginx::Conf;

# What is written to disk for a block: the server root, the files of
# "--- user_files" and nginx.conf.

use strict;
use warnings;

use Cwd ();
use File::Path qw( make_path remove_tree );
use Test::Nginx::Util;

# Makes the server root again.  Only directories that a driver makes are
# removed: the root may have been pointed at a directory with other things.
# The logs stay when nginx, which has them open, goes on running.

sub make_root {
    my ($keep_logs) = @_;

    my @old = ($ConfDir, $HtmlDir, "$ServRoot/cache",
               glob("$ServRoot/*_cache"));

    push @old, $LogDir, glob("$ServRoot/*_temp") if !$keep_logs;

    keep_logs() if !$keep_logs;
    remove_tree(grep { -d } @old);
    make_path($ServRoot, $ConfDir, $HtmlDir, $LogDir);

    write_file("$HtmlDir/index.html",
               '<html><head><title>It works!</title></head>'
               . '<body>It works!</body></html>');
}

# For those that read the logs, before they are removed.

sub keep_logs {
    $_->(glob "$LogDir/*.log") for @Test::Nginx::Util::LogReaders;
}

sub write_file {
    my ($path, $text) = @_;

    open my $out, '>', $path
        or bail_out("cannot write \"$path\": $!");
    binmode $out;
    print $out $text;
    close $out
        or bail_out("cannot write \"$path\": $!");
}

# "--- user_files" is either text,
#
#     >>> name [time]
#     content
#
# or an array of [name, content, time].

sub write_user_files {
    my ($block, $ports) = @_;

    my $name = $block->name;
    my $files = section($block, 'user_files');

    return if !defined $files || !ref $files && $files eq '';

    if (!ref $files) {
        $files = parse_user_files($files);

    } elsif (ref $files ne 'ARRAY') {
        bail_out("$name - user_files must be text or an array");
    }

    for my $file (@$files) {
        my ($path, $body, $time) = @$file;

        $path = "$HtmlDir/$path" if $path !~ m{\A/};
        (my $dir = $path) =~ s{/[^/]*\z}{};

        make_path($dir);
        write_file($path, expand_env($body // '', $name, $ports));

        if (defined $time && $time ne '') {
            local $ENV{TZ} = 'GMT';
            system('touch', '-t', $time, $path) == 0
                or bail_out("$name - bad time \"$time\" in user_files");
        }
    }
}

sub parse_user_files {
    my ($text) = @_;

    my @files;

    for my $line (split /^/, $text) {
        if ($line =~ />>> (\S+)(?:\s+(.+))?/) {
            push @files, [ $1, '', $2 ];

        } elsif (@files) {
            $files[-1][1] .= $line;
        }
    }

    return \@files;
}

# The text of nginx.conf.  $run holds what the block needs beyond its own
# sections: hup, valgrind, version, ports (see run_test() in Socket.pm).

sub render {
    my ($block, $run) = @_;

    my $name = $block->name;

    my $get = sub {
        my $value = section($block, $_[0]);
        return expand_env($value, $name, $run->{ports}) // '';
    };

    my $config = $run->{config} // '';
    my $http_config = $get->('http_config');
    my $error_log = $get->('error_log_file') || $ErrLogFile;
    my $log_level = section($block, 'log_level')
                    || $Test::Nginx::Util::LogLevel;

    # reload needs a master
    my $master = $run->{hup} ? 'on'
                 : $Test::Nginx::Util::MasterProcessEnabled;
    my $daemon = $run->{valgrind} ? 'off' : 'on';

    my $head = join '',
        load_modules(),
        user_line(),
        "worker_processes $Test::Nginx::Util::Workers;\n",
        "daemon $daemon;\n",
        "master_process $master;\n",
        "error_log $error_log $log_level;\n",
        "pid $PidFile;\n",
        env_lines();

    my $temp_paths = temp_paths($http_config);
    my $server = server_block($block, $run, $config);
    my $version_server = $run->{hup} ? version_server($block, $run) : '';
    my $main_config = $get->('main_config');
    my $post_main_config = $get->('post_main_config');
    my $event_type = $ENV{TEST_NGINX_EVENT_TYPE};
    my $use = $event_type ? "    use $event_type;\n" : '';

    return <<"_EOC_";
$head
$main_config

http {
    access_log $AccLogFile;
$temp_paths
    default_type text/plain;
    keepalive_timeout 68000ms;

$http_config
$server
$version_server
}

$post_main_config

events {
    accept_mutex off;
    worker_connections $Test::Nginx::Util::WorkerConnections;
$use}
_EOC_
}

sub load_modules {
    my @modules = grep { length }
                  split /\s+/, $Test::Nginx::Util::LoadModules // '';

    # the prefix of nginx is the server root: a path from here must be whole
    return join '', map {
        my $path = -f $_ ? Cwd::abs_path($_) : $_;
        "load_module $path;\n"
    } @modules;
}

# As root, nginx would give its workers to "nobody", who may not be able to
# read the server root.

sub user_line {
    my $user = $Test::Nginx::Util::WorkerUser;

    return "user $user;\n" if defined $user;
    return "user root;\n" if $> == 0;
    return '';
}

sub env_lines {
    my @env = qw( MOCKEAGAIN_VERBOSE MOCKEAGAIN
                  MOCKEAGAIN_WRITE_TIMEOUT_PATTERN MOCKNOEAGAIN
                  MOCKNOEAGAIN_VERBOSE LD_PRELOAD LD_LIBRARY_PATH
                  DYLD_INSERT_LIBRARIES DYLD_FORCE_FLAT_NAMESPACE
                  ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS );

    push @env, map { /\s/ ? "'$_'" : $_ } @Test::Nginx::Util::EnvToNginx;

    return join '', map { "env $_;\n" } @env;
}

# nginx makes these at start, in a directory of its build otherwise.

sub temp_paths {
    my ($http_config) = @_;

    nginx_version();

    my $text = '';

    for my $kind (qw( client_body proxy fastcgi scgi uwsgi )) {
        next if $http_config =~ /\b${kind}_temp_path\b/;
        next if $Test::Nginx::Util::NginxV =~ /--without-http_${kind}_module/;

        $text .= "    ${kind}_temp_path $ServRoot/${kind}_temp;\n";
    }

    return $text;
}

sub listen_lines {
    my ($block) = @_;

    my $http2 = defined section($block, 'http2');
    my $reuse = $ENV{TEST_NGINX_REUSE_PORT} ? ' reuseport' : '';

    return "        listen $ServerPort$reuse;\n" if !$http2;

    # "http2 on" is of 1.25.1
    return "        listen $ServerPort$reuse;\n        http2 on;\n"
        if nginx_version() >= 1.025001;

    return "        listen $ServerPort http2$reuse;\n";
}

sub server_block {
    my ($block, $run, $config) = @_;

    my $listen = listen_lines($block);
    my $server_name = section($block, 'server_name') // $ServerName;
    my $location = '';

    if (!$Test::Nginx::Util::NoRootLocation) {
        $location = <<"_EOC_";

        location / {
            root $HtmlDir;
            index index.html index.htm;
        }
_EOC_
    }

    return <<"_EOC_";
    server {
$listen
        server_name '$server_name';
        client_max_body_size 30M;

        # the preamble
$Test::Nginx::Util::ConfigPreamble
        # the block
$config
        # end of the block
$location    }
_EOC_
}

# Answers with the version of the configuration, by which it is seen that a
# reload has happened.

sub version_server {
    my ($block, $run) = @_;

    my $listen = listen_lines($block);

    return <<"_EOC_";

    server {
$listen
        server_name 'Test-Nginx';

        location = /ver {
            return 200 '$run->{version}';
        }
    }
_EOC_
}

1;
