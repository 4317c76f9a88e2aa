#!/usr/bin/perl

# What is written of a user, by the functions of SQL alone: names in all
# letters, addresses and numbers that change, events that come again or late,
# roles, and who may sign up.

use strict;
use warnings;

use lib 't/lib';

use POSIX ();
use Test::More;
use SocialPostgres;

SocialPostgres::bin()
    or plan skip_all => 'PostgreSQL is not installed: run "make deps"';

my $pg = SocialPostgres->start;
$pg->migrate;

sub v { return $pg->value($_[0]) }

sub quote {
    return map { defined ? "'" . s/'/''/gr . "'" : 'NULL' } @_;
}

my $n = 0;

# The handles and the display names of new users, of their names: a name, or
# [ name, display name ].

sub handles {
    my @subs = map { 's' . ++$n } @_;
    my $i = 0;

    my $sql = join '', map {
        my ($u, $d) = quote(ref ? @$_[0, 1] : ($_, undef));
        "SELECT social_user_sync('i', '$subs[$i++]', $u, NULL, $d);\n"
    } @_;

    # a line may end within a name

    my @got = split /\x1e\n?/, (split /\x1d\n?/, v("${sql}SELECT chr(29);
        SELECT handle || '|' || display_name || chr(30)
            FROM unnest(ARRAY['" . join("', '", @subs) . "'])
                     WITH ORDINALITY AS t (sub, n)
                 JOIN users USING (sub) WHERE issuer = 'i' ORDER BY n"))[-1];

    return @got;
}

sub handle { return (handles([ @_ ]))[0] }

sub each_is {
    my ($wanted, $why, @names) = @_;

    my @got = handles(@names);

    for my $i (0 .. $#names) {
        my ($name) = grep { defined } ref $names[$i] ? @{ $names[$i] }
                                                     : $names[$i];
        like($got[$i], $wanted, "$why: \"$name\"");
    }

    return;
}

my $made_up = qr/^(user-[0-9a-f]{16})\|\1$/;

# text of code points, as bytes of UTF-8
sub u { my $s = join '', map { chr } @_; utf8::encode($s); return $s }


subtest 'names in all letters' => sub {
    my @cases = (
        # accents, in one character and in two
        ['müller' => 'muller'], ["mu\x{cc}\x{88}ller2" => 'muller2'],
        ['Éloïse' => 'Eloise'], ['Nguyễn' => 'Nguyen'], ['zoë.x' => 'zoe.x'],

        # what Unicode does not decompose
        ['Weiß' => 'Weiss'], ['Jørgen' => 'Jorgen'], ['Łukasz' => 'Lukasz'],
        ['Þórr' => 'Thorr'], ['Ærøskøbing' => 'Aeroskobing'],
        ['œuvre' => 'oeuvre'], ['Đorđe' => 'Dorde'],
        ['ışık' => 'isik'], ['İpek' => 'Ipek'],

        # other forms of the same letters: ligature, full-width, bold
        [u(0xfb01) . 'ona' => 'fiona'],
        [u(map { 0xfee0 + ord } split //, 'Ann') => 'Ann'],
        [u(0x1d400, 0x1d427, 0x1d427) . 'a' => 'Anna'],

        # other scripts
        ['мария' => 'mariya'], ['Щука' => 'Shchuka'], ['Юрий' => 'Yurii'],
        ['Ольга' => 'Olga'], ['Ђорђе' => 'Djordje'], ['Їжак' => 'Izhak'],
        ['Γιώργος' => 'Giorgos'], ['Θανάσης' => 'Thanasis'],

        # what is not a letter may go
        ["tim\x{f0}\x{9f}\x{8e}\x{89}" => 'tim'], ['eve “x”' => 'evex'],
        ['fl' . u(0x200d, 0x202e) . 'o' => 'flo'], ['dé-jà_vu' => 'de-ja_vu'],
        ["<b>\x{c3}\x{a9}/../x" => 'be..x'],
    );

    my @got = handles(map { $_->[0] } @cases);

    for (@cases) {
        my ($name, $wanted) = @$_;
        is(shift @got, "$wanted|$wanted", "\"$name\"");
    }

    # a letter that is not known: the rest would be another name

    my @unknown = ('李', '李ann', 'ann李', '山田太郎', 'محمد', 'ნინო', 'שרה',
                   'आरव', '김', 'ali٣', 'ann' . u(0x1f170), u(0x2811),
                   'x' . u(0x2132));

    # nothing of it is seen, or it is not a letter

    my @empty = (u(0x200b, 0x200d, 0xfeff), u(0x202e), u(0x3164), u(0xad),
                 u(0x301), u(0x1f600), u(0xe0041), u(0x2800), '…', '5 €');

    each_is($made_up, 'a letter that is not known', @unknown);
    each_is($made_up, 'no letter', @empty);

    is(handle(undef, '李雷') =~ s/^user-\w{16}//r, '|李雷',
       'a display name is as it was said');
    is(handle('bidi', 'abc' . u(0x202e) . 'def'),
       'bidi|abc' . u(0x202e) . 'def', 'with all that is in it');
    is(handle('two', "a\nb"), "two|a\nb", 'lines, too');
    each_is($made_up, 'a display name that nobody sees', map { [ undef, $_ ] }
            @empty[0 .. 4], u(0x2800), ' ' . u(0x3000, 0x2003, 0xa0), "\t");
};


subtest 'private identifiers, written in other ways' => sub {
    my $hidden = u(0x200b);

    my @names = ("goo${hidden}gle_1081", "auth0${hidden}|5", "+49${hidden}151"
        . "${hidden}123${hidden}45678", 'ann' . u(0xff20) . 'example.com',
        "ann\x{c2}\x{ad}\@example.com", '٠١٥١١٢٣٤٥٦٧٨', 'tel ۰۱۵۱۱۲۳۴۵۶۷۸',
        u(map { 0xfee0 + ord } split //, '+4915112345678'),
        "Facebook_${hidden}1", "+49\x01151\x01123\x0145678");

    each_is($made_up, 'as a name', @names, 'ann1234;5678;9012');
    each_is($made_up, 'as a display name', map { [ undef, $_ ] } @names);

    my $sub = 'AbC-1';
    like((split /\n/, v("SELECT social_user_sync('i', '$sub', 'a${hidden}bc-1',
        NULL, NULL); SELECT handle, display_name FROM users
        WHERE sub = '$sub'"))[-1], $made_up, 'the subject');
};


subtest 'long names' => sub {
    is(length((split /\|/, handle('x' x 100))[0]), 32, 'are cut');
    like(handle('李' x 2000), $made_up, 'are generated');
    is((split /\|/, handle('ü' x 2000))[0], 'u' x 32, 'are transliterated');
    like(handle(u(0xfdfa) x 2000), $made_up, 'one that grows');
};


# A call by name, so that each case says what it is about.

sub sync {
    my (%o) = @_;

    my $arguments = join ', ', map { "p_$_ => " . (quote($o{$_}))[0] }
        sort keys %o;
    return v("SELECT social_user_sync(p_issuer => 'c',"
             . join(', ', map { exists $o{$_} ? () : " p_$_ => NULL" }
                    qw( username email name ))
             . (grep({ !exists $o{$_} } qw( username email name )) ? ',' : '')
             . " $arguments)");
}

sub contact {
    return v("SELECT concat_ws(' ', coalesce(email, '-'),
        coalesce(email_verified::text, '-'), coalesce(phone_number, '-'),
        coalesce(phone_number_verified::text, '-'))
        FROM users WHERE issuer = 'c' AND sub = '$_[0]'");
}

sub at { return sprintf '2026-01-01 12:00:%02d+00', $_[0] }


subtest 'addresses and numbers' => sub {
    my $id = sync(sub => '1', email => 'a@x', email_verified => 'true',
                  phone => '+1555', phone_verified => 'false', at => at(10));
    is(contact(1), 'a@x true +1555 false', 'are kept');

    is(sync(sub => '1', at => at(11)), $id, 'nothing is said of them');
    is(contact(1), 'a@x true +1555 false', 'so that they stay');

    sync(sub => '1', email => 'b@x', at => at(12));
    is(contact(1), 'b@x - +1555 false',
       'another address: nothing is known of it');

    sync(sub => '1', email => 'b@x', email_verified => 'true', at => at(13));
    is(contact(1), 'b@x true +1555 false', 'until it is said');
    sync(sub => '1', email => 'b@x', at => at(14));
    is(contact(1), 'b@x true +1555 false', 'and not said again');

    sync(sub => '1', phone => '+1666', phone_verified => 'true', at => at(15));
    is(contact(1), 'b@x true +1666 true', 'another number');
    sync(sub => '1', phone => '+1667', at => at(15));
    is(contact(1), 'b@x true +1667 -', 'of which nothing is known');
    sync(sub => '1', phone => '+1666', phone_verified => 'true', at => at(15));
    is(contact(1), 'b@x true +1666 true', 'and the first again');

    # what was said before

    sync(sub => '1', email => 'old@x', email_verified => 'false',
         phone => '+0', phone_verified => 'false', at => at(14));
    is(contact(1), 'b@x true +1666 true', 'older: not taken');
    sync(sub => '1', email => 'c@x', at => at(15));
    is(contact(1), 'c@x - +1666 true', 'of the same second: taken');
    sync(sub => '1', email => 'd@x');
    is(contact(1), 'd@x - +1666 true', 'of an unknown time: taken');
    sync(sub => '1', email => 'old@x', at => at(14));
    is(contact(1), 'd@x - +1666 true', 'which changes nothing of the order');

    sync(sub => '2', at => at(20), username => 'two');
    sync(sub => '2', email => 'two@x', email_verified => 'true',
         at => at(10), name => 'Two');
    is(contact(2), 'two@x true - -', 'older, in an empty place');

    sync(sub => '2a', at => at(20), username => 'mail', email => 'm@x');
    sync(sub => '2a', phone => '+2', email => 'old@x', at => at(10));
    is(contact('2a'), 'm@x - +2 -', 'a number, where a newer address stays');

    sync(sub => '2b', at => at(20), username => 'phone', phone => '+3');
    sync(sub => '2b', phone => '+0', email => 'p@x', at => at(10));
    is(contact('2b'), 'p@x - +3 -', 'and the reverse');
    is(v("SELECT display_name FROM users WHERE issuer = 'c' AND sub = '2'"),
       'two', 'a name stays');

    sync(sub => '2', email_verified => 'false', at => at(30));
    is(contact(2), 'two@x true - -', 'verified: nothing, without an address');

    # a clock that is ahead does not close the door

    sync(sub => '3', email => 'future@x', at => '2999-01-01');
    sync(sub => '3', email => 'now@x', at => v('SELECT now()'));
    is(contact(3), 'now@x - - -', 'a time to come counts as now');
};


subtest 'events that come again' => sub {
    my $id = sync(sub => 'e', email => 'a@x', event => 'one', at => at(1));
    is(sync(sub => 'e', email => 'a@x', event => 'one', at => at(1)), $id,
       'the same answer');
    sync(sub => 'e', email => 'b@x', event => 'two', at => at(2));
    is(sync(sub => 'e', email => 'a@x', event => 'one', at => at(3)), $id,
       'sent again, later');
    is(contact('e'), 'b@x - - -', 'it changes nothing');

    sync(sub => 'e', email => 'a@x', event => 'three', at => at(4));
    is(contact('e'), 'a@x - - -', 'another one does');

    my $at = v("SELECT updated_at FROM users WHERE issuer = 'c' AND sub = 'e'");
    sync(sub => 'e', email => 'a@x', event => 'four', at => at(5));
    is(v("SELECT updated_at FROM users WHERE issuer = 'c' AND sub = 'e'"), $at,
       'an event without news changes nothing');
    is(v("SELECT cardinality(synced_events) FROM users
        WHERE issuer = 'c' AND sub = 'e'"), 4, 'but that it was processed');
    sync(sub => 'e', event => "more $_") for 1 .. 10;
    is(v("SELECT cardinality(synced_events) FROM users
        WHERE issuer = 'c' AND sub = 'e'"), 8, 'with some others');

    v("UPDATE users SET bio = 'b' WHERE issuer = 'c' AND sub = 'e'");
    isnt(v("SELECT updated_at FROM users WHERE issuer = 'c' AND sub = 'e'"),
         $at, 'a change is one');

    # at once, on several connections

    my @pids = map {
        my $pid = fork // die "fork: $!\n";
        if (!$pid) {
            for (1 .. 20) {
                my (undef, $ok) = $pg->attempt("SELECT social_user_sync('c',
                    'once', 'once', 'o\@x', NULL, p_event => 'o');");
                last if $ok;
            }
            POSIX::_exit(0);
        }
        $pid;
    } 1 .. 6;
    waitpid $_, 0 for @pids;

    is(v("SELECT count(*) || ' ' || min(cardinality(synced_events)) FROM users
        WHERE issuer = 'c' AND sub = 'once'"), '1 1', 'six times at once');

    v("SELECT social_user_delete('c', 'e')");
    is(sync(sub => 'e', event => 'one'), '', 'a deleted user stays so');
    is(sync(sub => 'e', event => 'new'), '', 'whatever comes');
};


subtest 'what earlier versions call' => sub {
    is(v("SELECT social_user_sync('c', 'old', 'old', 'a\@x', 'Old')
        = social_user_seen('c', 'old', 'old')"), 't', 'with five, with three');
    is(v("SELECT social_user_seen('c', 'seen', 'Corp_ann', 's\@x', 'Ann', true,
        NULL, NULL, now()) IS NOT NULL"), 't', 'a token says more');
    like(v("SELECT handle, display_name, email, email_verified FROM users
        WHERE sub = 'seen'"), qr/^user-\w{16}\|Ann\|s\@x\|t$/,
        'and its username is a handle only where that is certain');
};


subtest 'roles' => sub {
    my $call = "SELECT id IS NOT NULL, roles FROM social_user_token('c', 'r',
        'ruth', 'r\@x', NULL, true, NULL, NULL, now(), 'x')";

    is(v($call), 't|', 'a new user has none');
    v("INSERT INTO user_roles (user_id, role)
        SELECT id, unnest(ARRAY['editor', 'admin']) FROM users
        WHERE sub = 'r'");
    is(v($call), 't|admin editor', 'those that were given, in order');

    for my $bad ('a b', '', 'a"b', "a\nb", 'é', 'x' x 65) {
        my (undef, $ok) = $pg->attempt("INSERT INTO user_roles (user_id, role)
            SELECT id, '$bad' FROM users WHERE sub = 'r';");
        ok(!$ok, "not a role: \"$bad\"");
    }

    v("SELECT social_user_delete('c', 'r')");
    is(v($call), '', 'no row for who was deleted');
    is(v('SELECT count(*) FROM user_roles'), 0, 'roles go with the user');
};


# user name, address, number

sub refused {
    my ($name, $email, $phone, $issuer) = @_;

    return v('SELECT social_sign_up_refused('
             . join(', ', quote($issuer // 'c', $name, $email, $phone)) . ')');
}

# the same for many addresses

sub each_refused {
    my ($wanted, @emails) = @_;

    my @got = split /\n/, v(join ';', map {
        "SELECT coalesce(social_sign_up_refused('c', 'ann', $_, NULL), '-')"
    } quote(@emails));

    is(shift @got, $wanted || '-', substr $_, 0, 60) for @emails;
    return;
}

sub rule {
    my ($action, $kind, $value, $issuer, $message) = @_;

    v('INSERT INTO sign_up_rules (action, kind, value, issuer, message)'
      . ' VALUES (' . join(', ', quote($action, $kind, $value, $issuer,
                                       $message)) . ')');
    return;
}

subtest 'who may sign up' => sub {
    my $no = 'This account cannot be created.';

    is(refused('ann', 'ann@example.com', '+1'), '', 'without rules: anyone');
    is(refused(undef, undef, undef), '', 'whatever is said');

    rule(deny => email => 'bad@example.com');
    rule(deny => domain => 'spam.example', undef, 'No spam, please.');
    rule(deny => domain => '*.spam.example');
    rule(deny => domain => '*.below.example');
    rule(deny => phone => '+15551234');
    rule(deny => username => 'admin');
    rule(deny => email => 'there@example.com', 'other');

    is(refused('ann', 'ann@example.com', '+1'), '', 'not in a list');
    each_refused($no, 'bad@example.com', 'BAD@Example.COM', ' bad@example.com ',
                 'bad@example.com.', 'bad+tag@example.com', 'a@x.spam.example',
                 'a@x.y.SPAM.example', 'bad' . u(0x200b) . '@example.com',
                 'bad' . u(0xff20) . 'example.com', 'a@b@x.spam.example');
    each_refused('No spam, please.', 'a@spam.example', '"a@x"@spam.example');
    each_refused('', 'bad@example.org', 'notbad@example.com',
                 'a@notspam.example', 'a@spam.example.com', 'spam.example',
                 'there@example.com', '@', 'a@below.example',
                 'a@notbelow.example', 'a@' . 'x.' x 1000 . 'y');
    is(refused('ann', undef, '+15551234'), $no, 'a number');
    is(refused($_), $no, "a name: $_") for 'admin', 'ADMIN';
    is(refused('ann', 'there@example.com', undef, 'other'), $no,
       'a rule of another issuer');

    rule(allow => domain => 'corp.example', 'c');
    rule(allow => email => 'guest@example.com', 'c');
    rule(deny => email => 'fired@corp.example');

    each_refused('', 'ann@corp.example', 'guest@example.com');
    each_refused($no, 'ann@example.com', 'ann@x.corp.example',
                 'fired@corp.example', 'guest+2@example.com',
                 'a@spamcorp.example');
    is(refused('ann', undef, '+1'), $no, 'without an address');
    is(refused('ann', 'ann@example.com', undef, 'other'), '',
       'elsewhere, none is needed');

    my (undef, $ok) = $pg->attempt("INSERT INTO sign_up_rules
        (action, kind, value) VALUES ('deny', 'email', 'Ann\@x');");
    ok(!$ok, 'a value that would never match is not taken');
};

# What one transaction has done and not committed, another one waits for: what
# that one has read before is not what it writes.

sub meanwhile {
    my ($first, $second) = @_;

    my $end = $pg->transaction($first);
    pipe my $in, my $out or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        my ($got, $ok) = $pg->attempt("SELECT coalesce(($second)::text, '-');");
        syswrite $out, $ok ? $got : "ERROR $got";
        POSIX::_exit(0);
    }

    close $out;
    $pg->wait_for("SELECT count(*) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock'", 1);
    $end->('COMMIT');

    my $got = do { local $/; <$in> };
    waitpid $pid, 0;
    return $got;
}

subtest 'two at the same time' => sub {
    my $function = v("SELECT oid::regprocedure::text FROM pg_proc
        WHERE proname = 'social_user_sync'");
    my $sync = sub {
        my ($sub, $name, $email, $age, $event) = @_;
        my @text = quote($sub, $name, $email, $event);
        return "social_user_sync('i', $text[0], $text[1], $text[2], NULL, true,
            NULL, NULL, now() - interval '$age', $text[3])";
    };
    my $user = sub {
        my $sub = 'm' . ++$n;
        v('SELECT ' . $sync->($sub, undef, undef, '1 day', undef));
        return $sub;
    };
    my $of = sub { return v("SELECT $_[1] FROM users WHERE sub = '$_[0]'") };

    # as long as it takes here

    v("ALTER FUNCTION $function SET lock_timeout = 0");

    my $sub = $user->();
    my $id = $of->($sub, 'id');
    my $one = $sync->($sub, undef, 'a@example.com', '1 hour', 'e1');
    is(meanwhile("SELECT $one", "SELECT $one"), $id, 'an event that comes twice');
    is($of->($sub, 'cardinality(synced_events)'), 1, '... is noted once');

    $sub = $user->();
    is(meanwhile("UPDATE users SET handle = 'chosen' WHERE sub = '$sub'",
                 'SELECT ' . $sync->($sub, 'wanted', undef, '1 hour', 'e2')),
       $of->($sub, 'id'), 'a handle that the user has chosen meanwhile');
    is($of->($sub, 'handle'), 'chosen', '... stays');

    $sub = $user->();
    my $late = $sync->($sub, undef, 'late@example.com', '1 hour', 'e3');
    my $early = $sync->($sub, undef, 'early@example.com', '2 hours', 'e4');
    is(meanwhile("SELECT $late", "SELECT $early"), $of->($sub, 'id'),
       'what was said earlier and comes later');
    is($of->($sub, 'email'), 'late@example.com', '... is not taken');
    is($of->($sub, 'cardinality(synced_events)'), 2, '... both are noted');

    $sub = $user->();
    is(meanwhile("DELETE FROM users WHERE sub = '$sub'",
                 'SELECT ' . $sync->($sub, undef, 'x@example.com', '1 hour',
                                     'e5')),
       '-', 'one who has gone meanwhile');

    # who is new: of two who say so one makes the row

    $sub = 'm' . ++$n;
    my $got = meanwhile('SELECT ' . $sync->($sub, 'newly', 'a@example.com',
                                            '2 hours', 'e6'),
                        'SELECT ' . $sync->($sub, 'newly', 'b@example.com',
                                            '1 hour', 'e7'));
    is($got, $of->($sub, 'id'), 'one who is new to both');
    is($of->($sub, "handle || ' ' || email"), 'newly b@example.com',
       '... has what each has said');

    $sub = 'm' . ++$n;
    is(meanwhile("SELECT social_user_delete('i', '$sub')",
                 'SELECT ' . $sync->($sub, 'gone', undef, '1 hour', 'e8')),
       '-', 'one who is deleted before there is a row');
    is(v("SELECT count(*) FROM users WHERE sub = '$sub'"), 0, '... gets none');

    v("ALTER FUNCTION $function SET lock_timeout = '250ms'");

    # of one who leaves all objects are erased, the newest one as well

    my $delete = v("SELECT oid::regprocedure::text FROM pg_proc
        WHERE proname = 'social_user_delete'");
    my $upload = '00000000-0000-4000-8000-000000000113';

    v("ALTER FUNCTION $delete SET lock_timeout = 0");
    $sub = $user->();
    is(meanwhile("SELECT social_upload_create('$upload', 'i', '$sub', '$sub',
            'post', 'raw', 'raw/meanwhile', NULL, 1, NULL, '1 hour')",
        "SELECT social_user_delete('i', '$sub')"), 'true',
       'one who leaves while something is uploaded');
    is(v("SELECT count(*) FROM jobs WHERE kind = 'erase'
          AND payload::text LIKE '%$upload%'"), 2, '... which is erased, too');
    v("ALTER FUNCTION $delete SET lock_timeout = '250ms'");
};

done_testing();
