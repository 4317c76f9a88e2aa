
/*
 * Commands for operators: check, variants.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "social_worker_clock.h"
#include "social_worker_command.h"
#include "social_worker_decoder.h"
#include "social_worker_part.h"
#include "social_worker_pq.h"
#include "social_worker_schema.h"
#include "social_worker_sandbox.h"


/* libvips before these had memory errors that a file could reach */

#define SOCIAL_WORKER_VIPS_LEAST  81300


/* milliseconds for all that is checked by a network, at the same time */

#define SOCIAL_WORKER_COMMAND_LIMIT  10000


static bool social_worker_command_say(bool ok, const char *what,
    const char *name, const char *detail);
static bool social_worker_command_check_network(
    const social_worker_conf_t *conf, bool *clean);
static bool social_worker_command_check_database(const void *data, char *text);
static bool social_worker_command_check_bucket(const void *data, char *text);
static bool social_worker_command_check_sqs(const void *data, char *text);
static bool social_worker_command_check_decoder(
    const social_worker_conf_t *conf);
static bool social_worker_command_all(const social_worker_conf_t *conf,
    social_worker_kind_t *kind);
static bool social_worker_command_copy(const char *file, int out,
    uint64_t *size);
static bool social_worker_command_write(const char *directory,
    const social_worker_kind_t *kind, const social_worker_output_t *output,
    int out);


int
social_worker_command_check(const social_worker_conf_t *conf)
{
    int   rc;
    bool  ok, clean;

    clean = true;

    ok = social_worker_command_say(true, "configuration", conf->file, NULL);
    ok = social_worker_command_check_decoder(conf) && ok;
    ok = social_worker_command_check_network(conf, &clean) && ok;

    if (conf->kind_count == 0) {
        ok = social_worker_command_say(false, "kinds", NULL,
                 "there is no section \"kind\": every job would fail");
    }

    rc = ok ? 0 : 1;

    if (!clean) {
        fflush(stdout);
        _exit(rc);
    }

    return rc;
}


/* the database, buckets and queues; what does not answer delays no other */

static bool
social_worker_command_check_network(const social_worker_conf_t *conf,
    bool *clean)
{
    bool                    ok;
    char                    text[SOCIAL_WORKER_PART_TEXT];
    size_t                  i, n, first;
    long long               end;
    const char             *name;
    social_worker_part_t  **parts;

    first = 1 + conf->bucket_count;
    n = first + conf->sqs_count;
    parts = calloc(n, sizeof(social_worker_part_t *));

    if (parts == NULL) {
        return social_worker_command_say(false, "network", NULL,
                                         "not checked: out of memory");
    }

    end = social_worker_now() + SOCIAL_WORKER_COMMAND_LIMIT;

    parts[0] = social_worker_part_start(social_worker_command_check_database,
                                        conf);

    for (i = 0; i < conf->bucket_count; i++) {
        parts[1 + i] = social_worker_part_start(
                           social_worker_command_check_bucket,
                           &conf->buckets[i].s3);
    }

    for (i = 0; i < conf->sqs_count; i++) {
        parts[first + i] = social_worker_part_start(
                               social_worker_command_check_sqs,
                               &conf->sqs[i].net);
    }

    ok = true;

    for (i = 0; i < n; i++) {
        name = i == 0 ? NULL : i < first ? conf->buckets[i - 1].name
                                         : conf->sqs[i - first].name;

        ok = social_worker_command_say(
                 social_worker_part_end(parts[i], end, text, clean),
                 i == 0 ? "database" : i < first ? "bucket" : "sqs", name,
                 text)
             && ok;
    }

    free(parts);

    return ok;
}


static bool
social_worker_command_say(bool ok, const char *what, const char *name,
    const char *detail)
{
    printf("%-6s %s%s%s%s%s\n", ok ? "ok" : "wrong", what, name ? " " : "",
           name ? name : "", detail && detail[0] ? ": " : "",
           detail ? detail : "");

    return ok;
}


static bool
social_worker_command_check_database(const void *data, char *text)
{
    const social_worker_conf_t  *conf = data;

    bool                 usable;
    PGresult            *result;
    const char          *what;
    social_worker_pq_t   pq;

    memset(&pq, 0, sizeof(social_worker_pq_t));

    if (!social_worker_pq_connect(&pq, conf->conninfo)) {
        snprintf(text, SOCIAL_WORKER_PART_TEXT, "it cannot be reached");
        return false;
    }

    result = social_worker_pq_run(&pq, SOCIAL_WORKER_SCHEMA_SQL, 0, NULL);
    what = social_worker_schema_check(result ? social_worker_pq_value(result)
                                             : NULL, &usable);

    PQclear(result);
    social_worker_pq_close(&pq);

    snprintf(text, SOCIAL_WORKER_PART_TEXT, "%s", what ? what : "");

    return usable;
}


static bool
social_worker_command_check_bucket(const void *data, char *text)
{
    bool  ok;
    char  error[SOCIAL_NET_ERROR_SIZE];

    error[0] = '\0';
    ok = social_net_s3_check(data, error) == SOCIAL_OK;

    snprintf(text, SOCIAL_WORKER_PART_TEXT, "%s", error);

    return ok;
}


static bool
social_worker_command_check_sqs(const void *data, char *text)
{
    bool  ok;
    char  error[SOCIAL_NET_ERROR_SIZE];

    error[0] = '\0';
    ok = social_net_sqs_check(data, error) == SOCIAL_OK;

    snprintf(text, SOCIAL_WORKER_PART_TEXT, "%s", error);

    return ok;
}


static bool
social_worker_command_check_decoder(const social_worker_conf_t *conf)
{
    bool                      ok;
    char                      error[SOCIAL_WORKER_ERROR_SIZE], text[256];
    size_t                    i, k, len;
    uint32_t                  vips;
    social_image_type_e       type;
    const social_worker_spec_t  *spec;
    social_worker_decoder_t   decoder;

    social_worker_decoder_init(&decoder);

    if (social_worker_decoder_start(&decoder, conf, 10000, error)
        != SOCIAL_OK)
    {
        return social_worker_command_say(false, "decoder", NULL, error);
    }

    vips = decoder.hello.vips;
    ok = vips >= SOCIAL_WORKER_VIPS_LEAST;

    len = (size_t) snprintf(text, sizeof(text), "libvips %u.%u.%u reads",
                            vips / 10000, vips / 100 % 100, vips % 100);

    for (type = SOCIAL_IMAGE_JPEG; type <= SOCIAL_IMAGE_HEIC; type++) {
        if (decoder.hello.readable & 1u << type) {
            len += (size_t) snprintf(text + len, sizeof(text) - len, " %s",
                                     social_image_type_name(type));
        }
    }

    social_worker_command_say(ok, "decoder", NULL, ok ? text
                              : "libvips is older than 8.13, which cannot "
                                "be kept from dangerous formats");

    if (!(decoder.hello.sandbox & SOCIAL_WORKER_SANDBOX_SECCOMP)) {
        ok = social_worker_command_say(false, "sandbox", NULL,
                                       "seccomp is off in the configuration");

    } else {
        social_worker_command_say(true, "sandbox", NULL,
            decoder.hello.sandbox & SOCIAL_WORKER_SANDBOX_LANDLOCK
            ? "seccomp, Landlock" : "seccomp; the kernel has no Landlock");
    }

    for (i = 0; i < conf->variant_count; i++) {

        spec = &conf->variants[i].spec;

        for (k = 0; k < spec->format_count; k++) {
            if (!(decoder.hello.writable & 1u << spec->formats[k])) {
                snprintf(text, sizeof(text), "libvips cannot write %s",
                         social_image_type_name(spec->formats[k]));
                ok = social_worker_command_say(false, "variant",
                                               conf->variants[i].name, text);
            }
        }
    }

    social_worker_decoder_stop(&decoder);

    return ok;
}


int
social_worker_command_variants(const social_worker_conf_t *conf,
    const char *kind, const char *file, const char *directory)
{
    int                          in, out, rc;
    uint32_t                     i;
    uint64_t                     size;
    social_worker_kind_t         all;
    social_worker_reply_t       *reply;
    social_worker_decoder_t      decoder;
    const social_worker_kind_t  *chosen;

    chosen = &all;

    if (kind != NULL) {
        chosen = social_worker_conf_kind(conf, kind);
    }

    if (chosen == NULL || (kind == NULL
                           && !social_worker_command_all(conf, &all)))
    {
        fprintf(stderr, "social-worker: there is no such kind, or no "
                "variant\n");
        return 2;
    }

    in = social_worker_memory_file("social-in");
    out = social_worker_memory_file("social-out");
    reply = malloc(sizeof(social_worker_reply_t));

    if (in == -1 || out == -1 || reply == NULL
        || !social_worker_command_copy(file, in, &size)
        || social_worker_memory_seal(in) != SOCIAL_OK)
    {
        fprintf(stderr, "social-worker: %s: %s\n", file, strerror(errno));
        free(reply);
        return 1;
    }

    social_worker_decoder_init(&decoder);
    social_worker_decoder_run(&decoder, conf, chosen, in, size, out, NULL,
                              reply);
    social_worker_decoder_stop(&decoder);

    rc = 0;

    if (reply->status != SOCIAL_WORKER_DECODED) {
        fprintf(stderr, "social-worker: %s: %s\n", file, reply->error);
        rc = 1;
    }

    for (i = 0; rc == 0 && i < reply->output_count; i++) {
        if (!social_worker_command_write(directory, chosen,
                                         &reply->outputs[i], out))
        {
            rc = 1;
        }
    }

    if (rc == 0) {
        printf("placeholder %s\n", reply->placeholder);
    }

    free(reply);
    close(in);
    close(out);

    return rc;
}


/* a kind of all variants that are configured */

static bool
social_worker_command_all(const social_worker_conf_t *conf,
    social_worker_kind_t *kind)
{
    size_t  i;

    memset(kind, 0, sizeof(social_worker_kind_t));

    kind->max_pixels = 50000000;
    kind->time_limit = 60000;

    for (i = 0; i < conf->variant_count && i < SOCIAL_WORKER_MAX_VARIANTS;
         i++)
    {
        kind->variants[kind->variant_count++] = &conf->variants[i];
    }

    return kind->variant_count != 0;
}


static bool
social_worker_command_copy(const char *file, int out, uint64_t *size)
{
    int      in;
    char     buf[65536];
    ssize_t  n;

    in = open(file, O_RDONLY | O_CLOEXEC);

    if (in == -1) {
        return false;
    }

    *size = 0;

    while ((n = read(in, buf, sizeof(buf))) > 0) {

        if (write(out, buf, (size_t) n) != n) {
            n = -1;
            break;
        }

        *size += (uint64_t) n;
    }

    close(in);

    return n == 0;
}


static bool
social_worker_command_write(const char *directory,
    const social_worker_kind_t *kind, const social_worker_output_t *output,
    int out)
{
    bool            ok;
    char            path[PATH_MAX];
    FILE           *f;
    size_t          size;
    unsigned char  *data;

    mkdir(directory, 0755);

    snprintf(path, sizeof(path), "%s/%s.%s", directory,
             kind->variants[output->variant]->name,
             social_image_extension(output->format));

    data = social_worker_decoder_output(output, out, &size);

    if (data == NULL) {
        fprintf(stderr, "social-worker: %s: the decoder's output has "
                "more than a picture\n", path);
        return false;
    }

    f = fopen(path, "wb");

    ok = f != NULL && fwrite(data, 1, size, f) == size;
    ok = f != NULL && fclose(f) == 0 && ok;
    free(data);

    if (ok) {
        printf("%s %ux%u %zu\n", path, output->width, output->height, size);

    } else {
        fprintf(stderr, "social-worker: %s: %s\n", path, strerror(errno));
    }

    return ok;
}
