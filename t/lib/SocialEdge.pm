package SocialEdge;

# One nginx with the pieces of conf/ as they are shipped, and what they include
# for a machine: for the suites of logs, TLS and the edge.
#
#     my $edge = SocialEdge->new(http => $text, server => $text);
#     my $got = $edge->get('/api/x', headers => [ 'X-A: b' ]);

use strict;
use warnings;

use Cwd ();
use File::Copy ();
use IO::Select ();
use IO::Socket::INET ();
use SocialNginx;
use SocialServer;
use SocialToken qw( issuer_block );

# Whether this nginx was built with a module of its own, as "http_realip".

sub has {
    my ($module) = @_;
    my $said = `@{[SocialNginx::binary()]} -V 2>&1`;
    return scalar($said =~ /with-${module}_module/);
}

# A module of Debian's packages, for the stock nginx only; its path, or nothing.

sub packaged {
    my ($name) = @_;

    return if SocialNginx::binary() ne '/usr/sbin/nginx';

    my ($path) = grep { -e } map { "$_/$name.so" }
        qw( /usr/lib/nginx/modules /usr/share/nginx/modules );
    return $path;
}

# Options: main, http, server, servers (texts), trusted and realip (files of
# conf/local), issuer (lines), workers.

sub new {
    my ($class, %opt) = @_;

    my $nginx = SocialNginx->new;
    my $dir = $nginx->{dir};
    my $port = SocialNginx::free_port();
    my $self = bless { nginx => $nginx, dir => $dir, port => $port }, $class;

    # a file of one's own beside those that are shipped

    for my $folder (qw( social tls edge )) {
        symlink Cwd::abs_path("conf/$folder"), "$dir/$folder"
            or die "$folder: $!\n";
    }

    mkdir "$dir/local" or die "local: $!\n";
    mkdir "$dir/cache" or die "cache: $!\n";
    $nginx->write_file('local/trusted.conf', $opt{trusted} // '');
    $nginx->write_file('local/realip.conf', $opt{realip} // '');
    $nginx->write_file('local/module_backend.conf', '');

    $self->conf(%opt);
    return $self;
}

sub conf {
    my ($self, %opt) = @_;

    my $text = join "\n", 'load_module modules/ngx_http_social_module.so;',
        $opt{main} // '', 'worker_processes ' . ($opt{workers} // 1) . ';',
        'events { worker_connections 512; }', 'http {',
        ($opt{http} // '') =~ m{social/http\.conf} ? ()
            : (map { "${_}_temp_path tmp/$_;" }
                   qw( client_body proxy fastcgi uwsgi scgi )),
        issuer_block('pool', "issuer $SocialToken::issuer",
                     "jwks_file $ENV{TEST_NGINX_JWKS}", 'client_ids web'),
        "upstream social_backend {",
        "    server 127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT};", '}',
        $opt{http} // '', 'server {', "    listen 127.0.0.1:$self->{port};",
        ($opt{server} // ''), '}', $opt{servers} // '', '}', '';

    $self->{nginx}->write_file('nginx.conf', $text);
    return;
}

sub start {
    my ($self) = @_;

    $self->{nginx}->start($self->{port});
    return $self;
}

sub dir { return $_[0]{dir} }
sub nginx { return $_[0]{nginx} }
sub log_of { return SocialNginx::slurp("$_[0]{dir}/logs/$_[1]") }

# What "nginx -t" says; empty if it says nothing but that all is well.

sub refusal {
    my ($self) = @_;

    my @command = map { "'$_'" } $self->{nginx}->command, '-t';
    my $said = `@command 2>&1`;

    return $? == 0 && $said !~ /\[warn\]/ ? '' : $said;
}

# Sends one request.  Options: method, headers (lines), from (an address of this
# machine), port, raw (the request line).

sub get {
    my ($self, $path, %opt) = @_;
    return receive($self->ask($path, %opt));
}

sub ask {
    my ($self, $path, %opt) = @_;

    my $sock = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $opt{port} // $self->{port},
        LocalAddr => $opt{from} // '127.0.0.1', Timeout => 30)
        or die "cannot connect: $!\n";
    my $line = $opt{raw} // ($opt{method} // 'GET') . " $path HTTP/1.1";
    my @headers = @{ $opt{headers} // [] };

    push @headers, 'Host: api.example.com' if !grep { /^Host:/i } @headers;

    print {$sock} join "\r\n", $line, 'Connection: close', @headers, '', '';
    $sock->flush;
    return $sock;
}

sub receive {
    my ($sock) = @_;
    my $text = '';

    while (IO::Select->new($sock)->can_read(60)) {
        sysread $sock, $text, 65536, length $text or last;
    }

    close $sock;

    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    my ($status) = ($head // '') =~ m{\AHTTP/1\.\d (\d+)};
    my %header;

    for (split /\r\n/, $head // '') {
        push @{ $header{ lc $1 } }, $2 if /^([^:]+): (.*)/;
    }

    return { status => $status // 0, body => $body // '', head => $head // '',
             header => { map { $_ => join ', ', @{ $header{$_} } }
                             keys %header } };
}

# The header lines that the backend got, as it echoes them: name => [values].

sub echoed {
    my ($got) = @_;
    my %header;

    for (split /\r?\n/, $got->{body}) {
        push @{ $header{ lc $1 } }, $2 if /^([\w-]+): ?(.*)/;
    }

    return \%header;
}

1;
