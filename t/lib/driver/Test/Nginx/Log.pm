package Test::Nginx::Log;

# Reads what was added to the logs and checks the sections that speak of it.
#
# Every check reads what came since the check before it, and the first one
# what came since the block began, the start of nginx included.

use strict;
use warnings;

use Test::Base ();
use Test::More ();
use Test::Nginx::Util;
use Time::HiRes qw( sleep time );

my $from = 0;           # where in the error log the next check begins
my $block_from = 0;     # where the block began
my $access_from = 0;    # the same of the access log

# Lines which report an unexpected end.  They fail a block that does
# not name them in its error_log or no_error_log.
my @fatal = (
    'exited on signal',
    'AddressSanitizer',
    'LeakSanitizer',
    'MemorySanitizer',
    'ThreadSanitizer',
    ': runtime error: ',
);

# What nginx printed, for when it left before it had a log.
my $stderr;

sub keep_stderr { ($stderr) = @_ }

sub begin_block {
    my ($logs_are_new) = @_;

    undef $stderr;

    $from = $logs_are_new ? 0 : -s $ErrLogFile || 0;
    $access_from = $logs_are_new ? 0 : -s $AccLogFile || 0;
    $block_from = $from;
}

# The lines from an offset on, and the offset after the last whole line.

sub read_lines {
    my ($path, $offset) = @_;

    open my $in, '<', $path or return ([], $offset);
    binmode $in;

    # a test may have truncated the log
    $offset = 0 if $offset > -s $in;
    seek $in, $offset, 0;

    my @lines = <$in>;

    if (@lines && $lines[-1] !~ /\n\z/) {
        # it is being written, or nobody ended it: in either case the next
        # check shall see it too
        return (\@lines, tell($in) - length $lines[-1]);
    }

    return (\@lines, tell $in);
}

# What was added and no check has seen yet; peek() leaves it unseen.

sub peek {
    my $start = $Test::Nginx::Util::CheckAccumErrLog ? $block_from : $from;
    my ($lines, $end) = read_lines($ErrLogFile, $start);

    ($lines) = read_lines($stderr, 0) if defined $stderr && !@$lines;

    return wantarray ? ($lines, $end) : $lines;
}

# A section to its patterns: lines, one regex, or an array of both.

sub patterns {
    my ($block, $section) = @_;

    my $value = section($block, $section);

    return undef if !defined $value;
    return [ $value ] if ref $value eq 'Regexp';
    return [ grep { defined } @$value ] if ref $value eq 'ARRAY';

    chomp $value;
    return [ split /\n+/, $value ];
}

sub matches {
    my ($line, $pattern) = @_;

    return ref $pattern ? $line =~ $pattern : index($line, $pattern) >= 0;
}

sub first_match {
    my ($lines, $pattern) = @_;

    for my $line (@$lines) {
        return $line if matches($line, $pattern);
    }

    return undef;
}

# A log line is written when the request is freed, which may be after the
# client has seen the end.  What must be there is waited for; what must not
# be there is given a moment to come.

sub settle {
    my $factor = $Test::Nginx::Util::UseValgrind ? 10 : 1;
    sleep $Test::Nginx::Util::TestNginxSleep * $factor;
}

sub settled_lines {
    my ($wanted, $unwanted) = @_;

    my $end = time + 10;

    settle() if $unwanted;

    while (1) {
        my ($lines, $offset) = peek();

        if (!$wanted || $wanted->($lines) || time >= $end) {
            $from = $offset;
            return $lines;
        }

        sleep 0.003;
    }
}

sub printable {
    my ($text) = @_;

    $text = "$text";
    $text =~ s/\n+\z//;
    $text =~ s/\r/\\r/g;
    $text =~ s/\n/\\n/g;

    return length $text > 1000 ? substr($text, 0, 1000) . '...' : $text;
}

# The checks of the error log after a request.

sub check_error_log {
    my ($block, $repeat, $ports, $dead) = @_;

    my $name = $block->name;
    my $must = patterns($block, 'error_log') // [];
    my $must_not = patterns($block, 'no_error_log') // [];
    my $grep = grep_of($block, $repeat, $ports);

    my $lines = settled_lines(
        @$must || $grep ? sub {
            my ($got) = @_;
            return 0 if $grep && !grep_is_right($grep, $got);
            return !grep { !defined first_match($got, $_) } @$must;
        } : undef,
        scalar @$must_not);

    check_grep($name, $grep, $lines, $repeat) if $grep;

    must_match($name, 'error.log', $must, $lines, $repeat);
    must_not_match($name, 'error.log', $must_not, $lines, $repeat);

    check_fatal($block, $lines);

    # an [emerg] of a dead nginx is expected
    warn_of($block, $lines) if !$dead;
}

sub must_match {
    my ($name, $file, $patterns, $lines, $repeat) = @_;

    for my $pattern (@$patterns) {
        my $ok = defined first_match($lines, $pattern);

        Test::More::ok($ok, "$name - \"" . printable($pattern) . "\" "
                       . "should match a line in $file (req $repeat)");

        show_log($file, $lines) if !$ok;
    }
}

sub must_not_match {
    my ($name, $file, $patterns, $lines, $repeat) = @_;

    for my $pattern (@$patterns) {
        my $line = first_match($lines, $pattern);

        Test::More::ok(!defined $line,
                       "$name - \"" . printable($pattern) . "\" should not "
                       . "match any line in $file (req $repeat)");

        Test::More::diag('it matches: ' . printable($line))
            if defined $line;
    }
}

# Debug lines are left out: there are hundreds, and a pattern that is missing
# is seldom among them.

sub show_log {
    my ($file, $lines) = @_;

    my @shown = grep { !/ \[debug\] / } @$lines;
    splice @shown, 0, -20 if @shown > 20;

    Test::More::diag(@shown
        ? "the last lines of $file:\n" . join('', @shown)
        : "$file has no new lines (debug lines are not counted)");
}

# "--- grep_error_log" picks what its pattern matches in each line, one a
# line; "--- grep_error_log_out" is what must come out.  Both may be arrays,
# one element for each repetition.

sub grep_of {
    my ($block, $repeat, $ports) = @_;

    my $name = $block->name;
    my $pattern = section($block, 'grep_error_log');
    my $out = section($block, 'grep_error_log_out');

    bail_out("$name - grep_error_log and grep_error_log_out need each other")
        if defined $pattern != defined $out;

    $pattern = $pattern->[$repeat] if ref $pattern eq 'ARRAY';
    return undef if !defined $pattern;

    $out = $out->[$repeat] if ref $out eq 'ARRAY';

    return { pattern => $pattern, out => expand_env($out, $name, $ports) };
}

sub grep_lines {
    my ($grep, $lines) = @_;

    my $pattern = ref $grep->{pattern} ? $grep->{pattern}
                                       : qr/\Q$grep->{pattern}\E/;
    my $text = '';

    for my $line (@$lines) {
        next if $line !~ $pattern;

        my $match = substr $line, $-[0], $+[0] - $-[0];
        $text .= "$match\n" if $match !~ /\n/;
    }

    return $text;
}

sub grep_is_right {
    my ($grep, $lines) = @_;

    my $text = grep_lines($grep, $lines);

    return ref $grep->{out} ? $text =~ $grep->{out}
                            : $text eq ($grep->{out} // '');
}

sub check_grep {
    my ($name, $grep, $lines, $repeat) = @_;

    my $text = grep_lines($grep, $lines);
    my $title = "$name - grep_error_log_out (req $repeat)";

    if (ref $grep->{out}) {
        Test::More::like($text, $grep->{out}, $title);

    } else {
        Test::Base::is($text, $grep->{out}, $title);
    }
}

sub is_named {
    my ($block, $text) = @_;

    for my $section (qw( error_log no_error_log )) {
        return 1 if grep { index($_, $text) >= 0 }
                    @{ patterns($block, $section) // [] };
    }

    return 0;
}

sub check_fatal {
    my ($block, $lines) = @_;

    my $name = $block->name;

    for my $sign (@fatal) {
        next if is_named($block, $sign);

        my $line = first_match($lines, $sign);
        extra_fail("$name - " . printable($line)) if defined $line;
    }

    my $line = first_match($lines, qr/\bAssertion .*failed\b/);
    extra_fail("$name - " . printable($line)) if defined $line;
}

sub warn_of {
    my ($block, $lines) = @_;

    for my $level ('[alert', '[crit', '[emerg') {
        next if is_named($block, $level);

        for my $line (@$lines) {
            warn '# WARNING: ', $block->name, ' - ', printable($line), "\n"
                if index($line, "$level]") >= 0;
        }
    }
}

# "--- access_log" and "--- no_access_log" see all that the block added.

sub check_access_log {
    my ($block, $repeat) = @_;

    my $name = $block->name;
    my $must = patterns($block, 'access_log') // [];
    my $must_not = patterns($block, 'no_access_log') // [];

    return if !@$must && !@$must_not;

    my $end = time + ($Test::Nginx::Util::UseValgrind ? 3 : 0.3);
    my $lines;

    settle() if @$must_not;

    while (1) {
        ($lines) = read_lines($AccLogFile, $access_from);

        last if time >= $end
                || !grep { !defined first_match($lines, $_) } @$must;
        sleep 0.003;
    }

    must_match($name, 'access.log', $must, $lines, $repeat);
    must_not_match($name, 'access.log', $must_not, $lines, $repeat);
}

# What nginx wrote when it left: called when the nginx of the block has been
# stopped, or ($alive) when it got SIGHUP.

sub check_after_stop {
    my ($block, $alive) = @_;

    my $name = $block->name;
    my $must = patterns($block, 'shutdown_error_log') // [];
    my $must_not = patterns($block, 'no_shutdown_error_log') // [];
    my ($lines, $offset) = peek();

    $from = $offset;

    if ($alive) {
        my $n = @$must + @$must_not;

        SKIP: {
            Test::More::skip("$name - nginx was not stopped", $n) if $n;
        }

    } else {
        must_match($name, 'error.log at shutdown', $must, $lines, 0);
        must_not_match($name, 'error.log at shutdown', $must_not, $lines, 0);
    }

    check_fatal($block, $lines);
}

1;
