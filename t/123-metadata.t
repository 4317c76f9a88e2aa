#!/usr/bin/perl

# What variants say besides their pixels: nothing.  By exiftool, over every
# output format of every picture of the corpus, and of pictures of our own that
# say a lot.

use strict;
use warnings;

use lib 't/lib';

use File::Temp ();
use Test::More;

use SocialImage;
use SocialPicture;

my $program = $ENV{SOCIAL_WORKER}
    || ($ENV{SANITIZE} ? 'build/sanitize' : 'build') . '/social-worker';

-x $program && `exiftool -ver 2>/dev/null`
    || plan skip_all => "$program or exiftool is not there: run \"make deps\"";

my $vectors = '../shared/vectors/images';
my $dir = File::Temp->newdir('social-metadata-XXXXXX', TMPDIR => 1);

delete $ENV{$_} for grep { /^SOCIAL_WORKER_/ } keys %ENV;

# libvips' AVIF writer is slow: small ones

SocialImage::spew("$dir/worker.conf", <<"CONF");
bucket out { endpoint = "http://127.0.0.1:1" }
variant v {
    width = 48
    height = 48
    fit = "contain"
    formats = {"jpeg", "png", "webp", "avif"}
    effort = 0
}
variant large {
    width = 320
    height = 320
    fit = "contain"
    formats = {"jpeg", "png", "webp"}
}
kind all { variants = {"v"} output = "out" }
kind large { variants = {"large"} output = "out" }
CONF

my @formats = qw( jpg png webp avif );


# What a picture needs, by exiftool's groups and names.

my %needed = map { $_ => 1 } (
    (map { "ExifTool:$_" } qw( ExifToolVersion )),
    (map { "File:$_" } qw( FileType FileTypeExtension MIMEType ImageWidth
        ImageHeight EncodingProcess BitsPerSample ColorComponents
        YCbCrSubSampling )),
    (map { "JFIF:$_" } qw( JFIFVersion ResolutionUnit XResolution
        YResolution )),
    (map { "PNG:$_" } qw( ImageWidth ImageHeight BitDepth ColorType Compression
        Filter Interlace Transparency )),
    (map { "PNG-pHYs:$_" } qw( PixelsPerUnitX PixelsPerUnitY PixelUnits )),
    (map { "RIFF:$_" } qw( WebP_Flags ImageWidth ImageHeight VP8Version
        HorizontalScale VerticalScale AlphaPreprocessing AlphaFiltering
        AlphaCompression AlphaIsUsed )),
    (map { "QuickTime:$_" } qw( MajorBrand MinorVersion CompatibleBrands
        HandlerType ColorProfiles ColorPrimaries TransferCharacteristics
        MatrixCoefficients VideoFullRangeFlag AV1ConfigurationVersion
        ChromaFormat ChromaSamplePosition ImageSpatialExtent ImagePixelDepth
        AuxiliaryImageType MediaDataSize MediaDataOffset MediaData SeqProfile
        SeqLevelIdx0 SeqTier0 HighBitDepth TwelveBit InitialDelaySamples )),
    (map { "Meta:$_" } qw( PrimaryItemReference )),
    (map { "Composite:$_" } qw( ImageSize Megapixels )),
);


# Lines "Group:Name value" of files, by file.

sub exif {
    my @files = @_ or return {};
    my ($file, %said) = ($files[0]);

    open my $in, '-|', 'exiftool', '-a', '-u', '-G1', '-s', @files
        or die "exiftool: $!";

    while (<$in>) {
        if (/^={8} (.*)/) { $file = $1 }
        elsif (/^\[([\w-]+)\]\s+(\w+)\s*:\s?(.*)/ && $1 ne 'System') {
            push @{ $said{$file} }, "$1:$2 $3";
        }
    }

    close $in;
    return \%said;
}

# What is not needed of what they say.

sub more_than_needed {
    my ($said) = @_;

    return grep {
        my ($tag, $value) = split / /, $_, 2;
        !$needed{$tag}
            || ($tag eq 'RIFF:WebP_Flags' && $value !~ /^(?:\(none\)|Alpha)$/)
            || ($tag eq 'QuickTime:ColorProfiles' && $value ne 'nclx');
    } @$said;
}

# The variants of a file, by format; nothing where it cannot be read.

my $n = 0;

sub variants {
    my ($file, $kind) = @_;

    my $out = "$dir/out" . ++$n;
    my $text = `$program -c $dir/worker.conf variants -k $kind '$file' -o $out 2>&1`;
    return ($text) if $?;
    return ($text, map { /^\Q$out\E\/\w+\.(\w+) / ? ($1 => (split)[0]) : () }
        split /\n/, $text);
}


# Pictures that say a lot, in every format that exiftool can write.

my $secret = 'SECRET-7f3a';

my @says = (
    '-n', "-EXIF:Artist=$secret", '-EXIF:Make=Camera', '-EXIF:Orientation=1',
    "-EXIF:SerialNumber=$secret", '-EXIF:DateTimeOriginal=2020:02:20 20:20:20',
    '-GPS:GPSLatitude=48.8584', '-GPS:GPSLatitudeRef=N',
    '-GPS:GPSLongitude=2.2945', '-GPS:GPSLongitudeRef=E',
    "-XMP:Creator=$secret", '-XMP:GPSLatitude=48.8584',
    '-EXIF:XResolution=300', '-EXIF:YResolution=300',
);

SocialImage::spew("$dir/srgb.icc", SocialImage::profile($secret));
SocialImage::spew("$dir/plain.png", SocialImage::quarters(400, 300, 1));

my (undef, %plain) = variants("$dir/plain.png", 'large');

is(join(' ', sort keys %plain), 'jpg png webp', 'plain pictures');

sub talkative {
    my ($ext, @more) = @_;

    my $file = "$dir/talkative.$ext";
    my $text = `exiftool -q -m -o $file @{[ map { "'$_'" } @says, @more ]} $plain{$ext} 2>&1`;
    die "exiftool: $text" if !-s $file;

    # what exiftool would not write

    my $data = SocialImage::slurp($file);

    if ($ext eq 'png') {
        $data =~ s/....pHYs.{13}/SocialImage::chunk(pHYs
            => pack 'NNC', 11811, 11811, 1)/es or die 'a PNG without pHYs';
        $data =~ s/^(.{33})/$1 . SocialImage::chunk(prVt => $secret)
            . SocialImage::chunk(tIME => "\7\xe4\2\24\24\24\24")/es;
    }

    SocialImage::spew($file, $data . "PK\3\4$secret");
    return $file;
}

my %talkative = (
    jpg => talkative('jpg', "-IPTC:City=$secret", "-Comment=$secret",
        "-ICC_Profile<=$dir/srgb.icc"),
    png => talkative('png', "-PNG:Comment=$secret",
        "-ICC_Profile<=$dir/srgb.icc"),
    webp => "$dir/talkative.webp",
);

# which exiftool does not write

SocialImage::spew($talkative{webp}, SocialImage::webp_with(
    SocialImage::slurp($plain{webp}),
    EXIF => scalar(`exiftool -b -EXIF $talkative{jpg}`),
    'XMP ' => scalar(`exiftool -b -XMP $talkative{jpg}`),
    ICCP => SocialImage::slurp("$dir/srgb.icc")));


# nor GIF and AVIF

SocialImage::spew($talkative{gif} = "$dir/talkative.gif", 'GIF89a'
    . pack('vvC3', 1, 1, 0x80, 0, 0) . "\xff\0\0\0\xff\0"
    . "\x21\xfe" . chr(length $secret) . "$secret\0"
    . "\x21\xff\x0bXMP DataXMP" . scalar(`exiftool -b -XMP $talkative{jpg}`)
    . "\1" . join('', map { chr 255 - $_ } 0 .. 255) . "\0"
    . "\x2c" . pack('v4C', 0, 0, 1, 1, 0) . "\2\2\x44\1\0;");

my (undef, %avif) = variants("$dir/plain.png", 'all');
my ($coded) = SocialPicture::coded(SocialImage::slurp($avif{avif}));

SocialImage::spew($talkative{avif} = "$dir/talkative.avif",
    SocialPicture::avif([$coded,
        { type => 'Exif', props => [], hidden => 1, data => "\0\0\0\0"
            . `exiftool -b -EXIF $talkative{jpg}` },
    ], refs => [['cdsc', 2, 1]]));


subtest 'pictures that say a lot' => sub {
    my $sources = exif(values %talkative);

    for my $from (sort keys %talkative) {
        my $file = $talkative{$from};
        my $said = join "\n", @{ $sources->{$file} };

        like($said, qr/GPS\w*:GPSLatitude |XMP-exif:GPSLatitude /,
            "$from: says where");
        like($said, qr/XMP-dc:Creator $secret/, "$from: by whom")
            if $from ne 'avif';
        like($said, qr/ProfileDescription $secret/, "$from: in which colors")
            if $from =~ /^(?:jpg|png|webp)$/;

        my ($text, %made) = variants($file, 'all');

        is(join(' ', sort keys %made), join(' ', sort @formats),
            "$from: its variants are made") or diag($text);

        my $made = exif(values %made);

        for my $to (sort keys %made) {
            my @said = @{ $made->{$made{$to}} || ['nothing at all'] };
            my @more = more_than_needed(\@said);

            is_deeply(\@more, [], "$from to $to: says nothing")
                or diag(map { "    $_\n" } @more);

            my $data = SocialImage::slurp($made{$to});

            unlike($data, qr/$secret|Exif|EXIF|XMP|ICCP|iCCP|ICC_PROFILE|x:xmpmeta|Photoshop/,
                "$from to $to: nor do its bytes");

            is((grep { /PixelsPerUnitX/ } @said)[0],
                'PNG-pHYs:PixelsPerUnitX 2835',
                "$from to $to: nor has it the resolution of a scanner")
                if $to eq 'png';
        }
    }
};


subtest 'a profile is used before it is dropped' => sub {

    # the profile has red and blue exchanged: so have the variants

    SocialImage::spew("$dir/swap.icc", SocialImage::profile('swap', 1));
    system("exiftool -q -q -m -o $dir/swap.png '-ICC_Profile<=$dir/swap.icc' $plain{png}");

    my (undef, %made) = variants("$dir/swap.png", 'large');
    my ($w, $h, $at) = SocialImage::read_png(SocialImage::slurp($made{png}));
    my ($r, $g, $b) = $at->(int($w / 4), int($h / 4));

    cmp_ok($b, '>', $r + 60, "red became blue: $r $g $b");
};


SKIP: {
    -r "$vectors/MANIFEST.tsv" or do {
        diag("$vectors is not here: its pictures SKIPPED");
        skip 'no vectors', 1;
    };

    subtest 'the corpus' => sub {
        my (%of, $read, $refused);

        open my $in, '<', "$vectors/MANIFEST.tsv" or die "$!";

        for (grep { !/^(?:#|file\t)/ } <$in>) {
            my ($name) = split /\t/;

            -r "$vectors/$name" or do {
                diag("$vectors/$name is not here: SKIPPED");
                next;
            };

            my ($text, %made) = variants("$vectors/$name", 'all');

            # which of them can be read is other suites' matter

            if (!%made) {
                fail("$name: refused for its outputs") or diag($text)
                    if $text =~ /what the decoder made/;
                $refused++;
                next;
            }

            $read++;
            is(scalar(keys %made), 4, "$name: four formats") or diag($text);
            $of{$made{$_}} = "$name to $_" for keys %made;
        }

        my $made = exif(sort keys %of);
        my @bad;

        for my $file (sort { $of{$a} cmp $of{$b} } keys %of) {
            my @more = $made->{$file} ? more_than_needed($made->{$file})
                                      : 'nothing at all';
            push @bad, map { "$of{$file}: $_" } @more;
        }

        is(scalar(@bad), 0, 'none of ' . keys(%of) . ' variants says anything')
            or diag(map { "    $_\n" } @bad > 20 ? (@bad[0 .. 19], '...')
                                                 : @bad);
        cmp_ok($read, '>', 150, "$read pictures were read, $refused were not");
    };
}


done_testing();
