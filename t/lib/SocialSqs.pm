package SocialSqs;

# A queue of SQS, for as long as the suite runs: receives with long polling,
# visibility, and batches, in the JSON protocol.  A request whose signature is
# not the one that is computed here is refused.
#
#     my $sqs = SocialSqs->start($dir);
#     print $conf "sqs uploads { @{[ $sqs->conf ]} }";
#     $sqs->put($body, ...);
#     my $state = $sqs->now;    # messages, hidden, deleted, requests ...
#     $sqs->set(fail => 3);       # the next three requests get 500
#
# What "now" has: "messages" that are there, "hidden" of them, "received" (how
# often each was, by its number), "deleted" (the numbers of those), "actions"
# (how often each was called), "forged" (requests that were refused),
# "extended" (seconds that were asked for), "waiting" (long polls).

use strict;
use warnings;

use Digest::MD5 qw( md5_hex );
use Digest::SHA qw( hmac_sha256 hmac_sha256_hex sha256_hex );
use IO::Select ();
use IO::Socket::INET ();
use JSON::PP ();
use POSIX ();
use Time::HiRes qw( sleep time );

my $json = JSON::PP->new->canonical->utf8;
my $main = $$;
my @pids;

sub start {
    my ($class, $dir) = @_;

    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        Listen => 128, ReuseAddr => 1) // die "listen: $!\n";
    my $self = bless { dir => "$dir", port => $listener->sockport }, $class;

    $self->{url} = "http://127.0.0.1:$self->{port}/123456789012/uploads";

    open my $f, '>', "$dir/sqs.credentials" or die "credentials: $!\n";
    print $f "[default]\naws_access_key_id = AKIDSQS\n",
        "aws_secret_access_key = se/cret\naws_session_token = tok/en==\n";
    close $f;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        $self->serve($listener);
        POSIX::_exit(0);
    }

    push @pids, $pid;
    return $self;
}

sub conf {
    my ($self, %o) = @_;

    my %line = (url => $self->{url}, region => 'eu-west-1',
                credentials => "file $self->{dir}/sqs.credentials", %o);

    return join ' ', map { qq($_ = "$line{$_}") }
        grep { defined $line{$_} } sort keys %line;
}

# For the test: a request that is not one of SQS.

sub control {
    my ($self, $what) = @_;

    my $socket = IO::Socket::INET->new(
        PeerAddr => "127.0.0.1:$self->{port}") or die "no queue: $!\n";
    my $body = $json->encode($what);

    print {$socket} "POST /control HTTP/1.0\r\nContent-Length: ",
        length $body, "\r\n\r\n$body";
    $socket->flush;
    local $/;
    my (undef, $answer) = split /\r\n\r\n/, <$socket>, 2;

    return $json->decode($answer);
}

sub put { my ($self, @all) = @_; return $self->control({ put => \@all }) }
sub set { my ($self, %o) = @_; return $self->control({ set => \%o }) }
sub purge { return $_[0]->control({ purge => 1 }) }
sub now { return $_[0]->control({}) }

# Until the code, which gets the state, gives something true.

sub until_state {
    my ($self, $code, $seconds) = @_;

    my $end = time + ($seconds // 20);
    my $state;

    while (time < $end) {
        $state = $self->now;
        return $state if $code->($state);
        sleep 0.05;
    }

    Test::More::diag('the queue: ' . $json->encode($state));
    return;
}


sub serve {
    my ($self, $listener) = @_;

    local $SIG{PIPE} = 'IGNORE';
    my $parent = getppid;
    my $select = IO::Select->new($listener);
    my (%text, @waiting);

    $self->{$_} = [] for qw( messages deleted extended );
    $self->{$_} = {} for qw( received actions set );
    $self->{$_} = 0 for qw( n forged );

    while (getppid == $parent) {

        for my $socket ($select->can_read(0.05)) {

            if ($socket == $listener) {
                my $new = $listener->accept or next;
                $text{$new} = '';
                $select->add($new);
                next;
            }

            my $n = sysread $socket, $text{$socket}, 65536,
                length $text{$socket};

            if (!$n) {
                # also one that has given up its long poll
                @waiting = grep { $_->{socket} != $socket } @waiting;
                $select->remove($socket);
                delete $text{$socket};
                close $socket;
                next;
            }

            my ($head, $body) = split /\r\n\r\n/, $text{$socket}, 2;
            defined $body or next;
            my ($length) = $head =~ /^Content-Length: *(\d+)/mi;
            next if length $body < ($length // 0);

            $text{$socket} = '';
            my $answer = $self->answer($socket, $head, $body, \@waiting);
            reply($socket, @$answer) if $answer;
        }

        for (@waiting) {
            my @found = $self->receive($_->{request});
            next if !@found && time < $_->{until};
            $_->{over} = 1;
            reply($_->{socket}, 200, @found ? { Messages => \@found } : {});
        }

        @waiting = grep { !$_->{over} } @waiting;
        $self->{waiting} = @waiting;
    }

    return;
}

sub reply {
    my ($socket, $status, $what) = @_;

    my $body = ref $what ? $json->encode($what) : $what;

    print {$socket} "HTTP/1.1 $status X\r\n",
        "Content-Type: application/x-amz-json-1.0\r\nConnection: close\r\n",
        'Content-Length: ', length $body, "\r\n\r\n$body";
    $socket->flush;
    shutdown $socket, 1;
    return;
}

sub answer {
    my ($self, $socket, $head, $body, $waiting) = @_;

    my ($method, $path) = $head =~ m{^(\S+) (\S+) };
    my $request = eval { $json->decode($body) } // {};

    if ($path eq '/control') {
        $self->{messages} = [] if $request->{purge};
        $self->put_all(@{ $request->{put} // [] });
        %{ $self->{set} } = (%{ $self->{set} }, %{ $request->{set} // {} });

        my @all = @{ $self->{messages} };
        return [ 200, {
            (map { $_ => $self->{$_} } qw( received deleted actions forged
                                           extended )),
            waiting => $self->{waiting} // 0,
            messages => scalar @all,
            hidden => scalar(grep { $_->{visible} > time } @all),
            set => $self->{set},
        } ];
    }

    if (!$self->is_signed($method, $path, $head, $body)
        || ($request->{QueueUrl} // '') ne $self->{url})
    {
        $self->{forged}++;
        return [ 403, { __type => 'com.amazon.coral.service#'
                            . 'UnrecognizedClientException', message => 'x' } ];
    }

    my ($action) = $head =~ /^X-Amz-Target: AmazonSQS\.(\w+)/mi;
    $self->{actions}{$action}++;

    return [ 500, '<html>' ]
        if ($self->{set}{fail} // 0) > 0 && $self->{set}{fail}--;
    return [ 200, $self->{set}{says} ] if defined $self->{set}{says};

    if ($action eq 'ReceiveMessage') {
        my @found = $self->receive($request);

        if (!@found && $request->{WaitTimeSeconds}) {
            push @$waiting, { socket => $socket, request => $request,
                              until => time + $request->{WaitTimeSeconds} };
            return;
        }

        return [ 200, @found ? { Messages => \@found } : {} ];
    }

    my (@good, @bad);

    for my $entry (@{ $request->{Entries} }) {
        my ($m) = grep { ($_->{handle} // '') eq $entry->{ReceiptHandle} }
            @{ $self->{messages} };

        if (!$m) {
            push @bad, { Id => $entry->{Id}, SenderFault => JSON::PP::true(),
                         Code => 'ReceiptHandleIsInvalid' };
            next;
        }

        push @good, { Id => $entry->{Id} };

        if ($action eq 'DeleteMessageBatch') {
            push @{ $self->{deleted} }, $m->{n};
            @{ $self->{messages} } = grep { $_ != $m } @{ $self->{messages} };

        } else {
            push @{ $self->{extended} }, $entry->{VisibilityTimeout};
            $m->{visible} = time + $entry->{VisibilityTimeout};
        }
    }

    return [ 200, { Successful => \@good, Failed => \@bad } ];
}

sub put_all {
    my ($self, @bodies) = @_;

    for (@bodies) {
        push @{ $self->{messages} }, { n => ++$self->{n}, body => $_,
                                       visible => 0, count => 0 };
    }

    return;
}

sub receive {
    my ($self, $request) = @_;

    my @found;

    for my $m (@{ $self->{messages} }) {
        next if $m->{visible} > time;
        last if @found == $request->{MaxNumberOfMessages};

        $m->{visible} = time + $request->{VisibilityTimeout};
        $m->{handle} = "h/$m->{n}+" . ++$m->{count} . '=';
        $self->{received}{ $m->{n} } = $m->{count};

        my $bytes = $m->{body};
        utf8::encode($bytes);

        push @found, {
            MessageId => sprintf('00000000-0000-4000-8000-%012d', $m->{n}),
            ReceiptHandle => $m->{handle}, Body => $m->{body},
            MD5OfBody => $self->{set}{damage} ? md5_hex('x') : md5_hex($bytes),
            Attributes => { ApproximateReceiveCount => "$m->{count}" },
        };
    }

    return @found;
}

# SigV4 (AWS: "Create a signed AWS API request").

sub is_signed {
    my ($self, $method, $path, $head, $body) = @_;

    my %h = map { /^([^:]+):\s*(.*?)\s*$/ ? (lc $1 => $2) : () }
        split /\r\n/, $head;

    my ($day, $names, $given) = ($h{authorization} // '') =~ m{^AWS4-HMAC-SHA256
        [ ]Credential=AKIDSQS/(\d+)/eu-west-1/sqs/aws4_request,[ ]
        SignedHeaders=([\w;-]+),[ ]Signature=(\w+)$}x or return 0;

    return 0 if ($h{'x-amz-security-token'} // '') ne 'tok/en=='
        || $names !~ /\bhost\b/ || $names !~ /x-amz-target/;

    my $canonical = join "\n", $method, $path, '',
        (map { "$_:$h{$_}" } split /;/, $names), '', $names, sha256_hex($body);
    my $string = join "\n", 'AWS4-HMAC-SHA256', $h{'x-amz-date'},
        "$day/eu-west-1/sqs/aws4_request", sha256_hex($canonical);

    my $key = 'AWS4se/cret';
    $key = hmac_sha256($_, $key) for $day, 'eu-west-1', 'sqs', 'aws4_request';

    return hmac_sha256_hex($string, $key) eq $given;
}

END {
    if ($$ == $main) {
        local $?;
        kill 'KILL', @pids if @pids;
        waitpid $_, 0 for @pids;
    }
}

1;
