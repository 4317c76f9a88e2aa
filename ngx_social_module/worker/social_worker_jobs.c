
/*
 * The command "jobs".
 */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "social_worker_jobs.h"
#include "social_worker_pq.h"


#define SOCIAL_WORKER_JOBS_BATCH   1000    /* that one statement changes */
#define SOCIAL_WORKER_JOBS_WIDTH   60      /* of a column of a table */
#define SOCIAL_WORKER_JOBS_COLUMNS 16


typedef enum {
    SOCIAL_WORKER_JOBS_TABS = 0,
    SOCIAL_WORKER_JOBS_TABLE,
    SOCIAL_WORKER_JOBS_JSON
} social_worker_jobs_form_e;


typedef struct {
    social_worker_pq_t          pq;
    social_worker_jobs_form_e   form;
    bool                        all;
    const char                 *state;
    const char                 *kind;
    const char                 *queue;
    const char                 *since;
    const char                 *error;
    const char                 *limit;
    int                         count;     /* of what follows the options */
    char *const                *ids;
} social_worker_jobs_t;


/* one that changes jobs: those that are named, or that a filter finds */

typedef struct {
    const char                 *name;
    const char                 *done;
    const char                 *one;
    const char                 *many;      /* NULL: by their ids only */
    const char                 *which;
} social_worker_jobs_action_t;


static int social_worker_jobs_options(social_worker_jobs_t *jobs, int argc,
    char *const argv[]);
static int social_worker_jobs_wrong(const char *what, const char *value);
static bool social_worker_jobs_is_number(const char *text);
static int social_worker_jobs_list(social_worker_jobs_t *jobs);
static int social_worker_jobs_show(social_worker_jobs_t *jobs);
static int social_worker_jobs_stats(social_worker_jobs_t *jobs);
static int social_worker_jobs_change(social_worker_jobs_t *jobs,
    const social_worker_jobs_action_t *action);
static int social_worker_jobs_one(social_worker_jobs_t *jobs,
    const social_worker_jobs_action_t *action, const char *id);
static int social_worker_jobs_many(social_worker_jobs_t *jobs,
    const social_worker_jobs_action_t *action);
static int social_worker_jobs_none(social_worker_jobs_t *jobs, const char *id,
    const char *which);
static PGresult *social_worker_jobs_run(social_worker_jobs_t *jobs,
    const char *sql, int n, const char *const *params);
static int social_worker_jobs_print(social_worker_jobs_t *jobs,
    PGresult *result);
static void social_worker_jobs_table(const PGresult *result);
static void social_worker_jobs_text(const char *text, size_t len);


static const social_worker_jobs_action_t  social_worker_jobs_actions[] = {
    { "retry", "retried", "SELECT social_job_retry($1)",
      "SELECT social_jobs_retry($1, $2, $3, CASE WHEN $4 ~ '^[0-9]+[smhd]$'"
      " THEN now() - $4::interval ELSE $4::timestamptz END, $5)",
      "only a job that is dead or scheduled can be retried" },
    { "discard", "discarded", "SELECT social_job_discard($1)",
      "SELECT social_jobs_discard($1, $2, $3, CASE WHEN $4 ~ '^[0-9]+[smhd]$'"
      " THEN now() - $4::interval ELSE $4::timestamptz END, $5)",
      "only a job that is ready, scheduled or dead can be discarded" },
    { "cancel", "canceled", "SELECT social_job_cancel($1)", NULL,
      "only a job that is ready, scheduled or running can be canceled" }
};


int
social_worker_jobs(const social_worker_conf_t *conf, int argc,
    char *const argv[])
{
    int                    rc;
    size_t                 i, n;
    const char            *name;
    social_worker_jobs_t   jobs;

    memset(&jobs, 0, sizeof(social_worker_jobs_t));

    name = "list";

    if (argc > 1 && argv[1][0] != '-') {
        name = argv[1];
        argc--;
        argv++;
    }

    n = sizeof(social_worker_jobs_actions)
        / sizeof(social_worker_jobs_actions[0]);

    for (i = 0; i < n; i++) {
        if (strcmp(social_worker_jobs_actions[i].name, name) == 0) {
            break;
        }
    }

    if (i == n && strcmp(name, "list") != 0 && strcmp(name, "show") != 0
        && strcmp(name, "stats") != 0)
    {
        return social_worker_jobs_wrong("there is no such command of \"jobs\"",
                                        name);
    }

    jobs.form = isatty(STDOUT_FILENO) ? SOCIAL_WORKER_JOBS_TABLE
                                      : SOCIAL_WORKER_JOBS_TABS;

    rc = social_worker_jobs_options(&jobs, argc, argv);

    if (rc != 0) {
        return rc;
    }

    if (i < n && jobs.state != NULL) {
        return social_worker_jobs_wrong("a state is for \"list\" only",
                                        jobs.state);
    }

    if (i == n && strcmp(name, "show") != 0 && jobs.count > 0) {
        return social_worker_jobs_wrong("nothing is expected here",
                                        jobs.ids[0]);
    }

    if (strcmp(name, "show") == 0 && jobs.count != 1) {
        return social_worker_jobs_wrong("the id of one job is needed", NULL);
    }

    if (!social_worker_pq_connect(&jobs.pq, conf->conninfo)) {
        fprintf(stderr, "social-worker: the database cannot be reached\n");
        return 1;
    }

    rc = i < n ? social_worker_jobs_change(&jobs,
                                           &social_worker_jobs_actions[i])
         : strcmp(name, "list") == 0 ? social_worker_jobs_list(&jobs)
         : strcmp(name, "show") == 0 ? social_worker_jobs_show(&jobs)
         : social_worker_jobs_stats(&jobs);

    social_worker_pq_close(&jobs.pq);

    return rc;
}


static int
social_worker_jobs_options(social_worker_jobs_t *jobs, int argc,
    char *const argv[])
{
    int   opt, i;
    long  limit;

    static const struct option  options[] = {
        { "state", required_argument, NULL, 's' },
        { "kind", required_argument, NULL, 'k' },
        { "queue", required_argument, NULL, 'q' },
        { "since", required_argument, NULL, 't' },
        { "error", required_argument, NULL, 'e' },
        { "limit", required_argument, NULL, 'n' },
        { "json", no_argument, NULL, 'j' },
        { "table", no_argument, NULL, 'T' },
        { "all", no_argument, NULL, 'a' },
        { NULL, 0, NULL, 0 }
    };

    jobs->limit = "1000";
    optind = 0;                             /* from the start */

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {

        switch (opt) {

        case 's':
            jobs->state = optarg;
            break;

        case 'k':
            jobs->kind = optarg;
            break;

        case 'q':
            jobs->queue = optarg;
            break;

        case 't':
            jobs->since = optarg;
            break;

        case 'e':
            jobs->error = optarg;
            break;

        case 'n':
            limit = strtol(optarg, NULL, 10);

            if (!social_worker_jobs_is_number(optarg) || limit < 1
                || limit > 1000000)
            {
                return social_worker_jobs_wrong("--limit is not in 1 to "
                                                "1000000", optarg);
            }

            jobs->limit = optarg;
            break;

        case 'j':
            jobs->form = SOCIAL_WORKER_JOBS_JSON;
            break;

        case 'T':
            jobs->form = SOCIAL_WORKER_JOBS_TABLE;
            break;

        case 'a':
            jobs->all = true;
            break;

        default:
            return 2;                       /* getopt_long() said why */
        }
    }

    jobs->count = argc - optind;
    jobs->ids = argv + optind;

    for (i = 0; i < jobs->count; i++) {
        if (!social_worker_jobs_is_number(jobs->ids[i])) {
            return social_worker_jobs_wrong("it is not the id of a job",
                                            jobs->ids[i]);
        }
    }

    return 0;
}


static int
social_worker_jobs_wrong(const char *what, const char *value)
{
    fprintf(stderr, "social-worker: jobs: %s%s%s\n", value ? value : "",
            value ? ": " : "", what);

    return 2;
}


/* of as many digits as a bigint surely has */

static bool
social_worker_jobs_is_number(const char *text)
{
    return text[0] != '\0' && strlen(text) <= 18
           && text[strspn(text, "0123456789")] == '\0';
}


static int
social_worker_jobs_list(social_worker_jobs_t *jobs)
{
    size_t       i;
    const char  *params[6];

    static const char *const  states[] = {
        "ready", "scheduled", "running", "done", "dead", "all"
    };

    if (jobs->state != NULL) {

        for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
            if (strcmp(states[i], jobs->state) == 0) {
                break;
            }
        }

        if (i == sizeof(states) / sizeof(states[0])) {
            return social_worker_jobs_wrong("a state is \"ready\", "
                        "\"scheduled\", \"running\", \"done\", \"dead\" or "
                        "\"all\"", jobs->state);
        }
    }

    params[0] = jobs->state;
    params[1] = jobs->kind;
    params[2] = jobs->queue;
    params[3] = jobs->since;
    params[4] = jobs->error;
    params[5] = jobs->limit;

    return social_worker_jobs_print(jobs, social_worker_jobs_run(jobs,
               "SELECT id, state, queue, kind, attempt,"
               " date_trunc('second', created_at) AS created,"
               " coalesce(last_error, '') AS error"
               " FROM jobs WHERE CASE WHEN $1::text IS NULL"
               " THEN state <> 'done' ELSE $1 IN (state, 'all') END"
               " AND ($2::text IS NULL OR kind = $2)"
               " AND ($3::text IS NULL OR queue = $3)"
               " AND ($4::text IS NULL OR coalesce(finished_at, created_at)"
               " >= CASE WHEN $4 ~ '^[0-9]+[smhd]$' THEN now() - $4::interval"
               " ELSE $4::timestamptz END)"
               " AND ($5::text IS NULL OR last_error ~ $5)"
               " ORDER BY state, id LIMIT $6::integer", 6, params));
}


static int
social_worker_jobs_show(social_worker_jobs_t *jobs)
{
    int          i;
    PGresult    *result;
    const char  *params[1];

    params[0] = jobs->ids[0];

    result = social_worker_jobs_run(jobs, "SELECT * FROM jobs WHERE id = $1",
                                    1, params);

    if (result == NULL) {
        return 1;
    }

    if (PQntuples(result) == 0) {
        PQclear(result);
        return social_worker_jobs_none(jobs, jobs->ids[0], NULL);
    }

    if (jobs->form == SOCIAL_WORKER_JOBS_JSON) {
        return social_worker_jobs_print(jobs, result);
    }

    for (i = 0; i < PQnfields(result); i++) {

        if (PQgetisnull(result, 0, i)) {
            continue;
        }

        printf("%-14s ", PQfname(result, i));
        social_worker_jobs_text(PQgetvalue(result, 0, i), SIZE_MAX);
        printf("\n");
    }

    PQclear(result);

    return 0;
}


static int
social_worker_jobs_stats(social_worker_jobs_t *jobs)
{
    return social_worker_jobs_print(jobs, social_worker_jobs_run(jobs,
               "SELECT * FROM social_queue_stats ORDER BY 1, 2", 0, NULL));
}


static int
social_worker_jobs_change(social_worker_jobs_t *jobs,
    const social_worker_jobs_action_t *action)
{
    int   i, rc;
    bool  filter;

    filter = jobs->all || jobs->kind != NULL || jobs->queue != NULL
             || jobs->since != NULL || jobs->error != NULL;

    if (jobs->count > 0 && filter) {
        return social_worker_jobs_wrong("ids and filters exclude each other",
                                        NULL);
    }

    if (jobs->count == 0 && (!filter || action->many == NULL)) {
        return social_worker_jobs_wrong(action->many == NULL
                   ? "the ids of jobs are needed"
                   : "ids, a filter, or --all is needed", NULL);
    }

    if (filter) {
        return social_worker_jobs_many(jobs, action);
    }

    rc = 0;

    for (i = 0; i < jobs->count; i++) {
        if (social_worker_jobs_one(jobs, action, jobs->ids[i]) != 0) {
            rc = 1;
        }
    }

    return rc;
}


static int
social_worker_jobs_one(social_worker_jobs_t *jobs,
    const social_worker_jobs_action_t *action, const char *id)
{
    bool         done;
    PGresult    *result;
    const char  *params[1], *value;

    params[0] = id;

    result = social_worker_pq_run(&jobs->pq, action->one, 1, params);

    if (result == NULL) {
        return 1;
    }

    value = social_worker_pq_value(result);
    done = value != NULL && value[0] == 't';
    PQclear(result);

    return done ? 0 : social_worker_jobs_none(jobs, id, action->which);
}


/* in batches, so that no transaction is long */

static int
social_worker_jobs_many(social_worker_jobs_t *jobs,
    const social_worker_jobs_action_t *action)
{
    long         n, total;
    char         limit[24];
    PGresult    *result;
    const char  *params[5], *value;

    snprintf(limit, sizeof(limit), "%d", SOCIAL_WORKER_JOBS_BATCH);

    params[0] = jobs->queue;
    params[1] = jobs->kind;
    params[2] = jobs->error;
    params[3] = jobs->since;
    params[4] = limit;

    total = 0;

    do {
        result = social_worker_pq_run(&jobs->pq, action->many, 5, params);

        if (result == NULL) {
            fprintf(stderr, "social-worker: %ld jobs were %s, then: %s\n",
                    total, action->done, jobs->pq.error);
            return 1;
        }

        value = social_worker_pq_value(result);
        n = value ? strtol(value, NULL, 10) : 0;
        total += n;
        PQclear(result);

    } while (n >= SOCIAL_WORKER_JOBS_BATCH);

    printf("%ld %s\n", total, action->done);

    return 0;
}


/* a job that is not there, or not in a state for that */

static int
social_worker_jobs_none(social_worker_jobs_t *jobs, const char *id,
    const char *which)
{
    PGresult    *result;
    const char  *params[1], *state;

    params[0] = id;

    result = social_worker_pq_run(&jobs->pq,
                 "SELECT state FROM jobs WHERE id = $1", 1, params);
    state = result ? social_worker_pq_value(result) : NULL;

    if (result != NULL && state == NULL) {
        fprintf(stderr, "social-worker: there is no job %s\n", id);

    } else if (state != NULL && which != NULL) {
        fprintf(stderr, "social-worker: job %s is %s: %s\n", id, state,
                which);
    }

    PQclear(result);

    return 1;
}


/* the rows of "sql", or, where that is asked for, each as an object of JSON */

static PGresult *
social_worker_jobs_run(social_worker_jobs_t *jobs, const char *sql, int n,
    const char *const *params)
{
    char       *text;
    size_t      size;
    PGresult   *result;

    if (jobs->form != SOCIAL_WORKER_JOBS_JSON) {
        return social_worker_pq_run(&jobs->pq, sql, n, params);
    }

    size = strlen(sql) + 64;
    text = malloc(size);

    if (text == NULL) {
        return NULL;
    }

    snprintf(text, size, "SELECT row_to_json(rows) FROM (%s) AS rows", sql);
    result = social_worker_pq_run(&jobs->pq, text, n, params);
    jobs->pq.refused = NULL;                /* it is freed now */
    free(text);

    return result;
}


static int
social_worker_jobs_print(social_worker_jobs_t *jobs, PGresult *result)
{
    int  i, k;

    if (result == NULL) {
        return 1;                           /* the log has the reason */
    }

    if (jobs->form == SOCIAL_WORKER_JOBS_TABLE) {
        social_worker_jobs_table(result);
        PQclear(result);
        return 0;
    }

    for (i = 0; i < PQntuples(result); i++) {

        for (k = 0; k < PQnfields(result); k++) {
            printf("%s", k > 0 ? "\t" : "");
            social_worker_jobs_text(PQgetvalue(result, i, k), SIZE_MAX);
        }

        printf("\n");
    }

    PQclear(result);

    return 0;
}


static void
social_worker_jobs_table(const PGresult *result)
{
    int     i, k, columns;
    size_t  len, widths[SOCIAL_WORKER_JOBS_COLUMNS];

    columns = PQnfields(result);

    if (columns > SOCIAL_WORKER_JOBS_COLUMNS) {
        columns = SOCIAL_WORKER_JOBS_COLUMNS;
    }

    for (k = 0; k < columns; k++) {

        widths[k] = strlen(PQfname(result, k));

        for (i = 0; i < PQntuples(result); i++) {
            len = (size_t) PQgetlength(result, i, k);
            widths[k] = len > widths[k] ? len : widths[k];
        }

        if (widths[k] > SOCIAL_WORKER_JOBS_WIDTH || k == columns - 1) {
            widths[k] = SOCIAL_WORKER_JOBS_WIDTH;
        }

        printf("%-*s%s", k < columns - 1 ? (int) widths[k] : 0,
               PQfname(result, k), k < columns - 1 ? "  " : "\n");
    }

    for (i = 0; i < PQntuples(result); i++) {
        for (k = 0; k < columns; k++) {

            len = (size_t) PQgetlength(result, i, k);
            social_worker_jobs_text(PQgetvalue(result, i, k), widths[k]);

            printf("%*s%s", k < columns - 1 && len < widths[k]
                            ? (int) (widths[k] - len) : 0, "",
                   k < columns - 1 ? "  " : "\n");
        }
    }
}


/*
 * Texts of files and endpoints: nothing in them commands a terminal, or is
 * taken for another line.  What is left of UTF-8 that was cut is left out.
 */

static void
social_worker_jobs_text(const char *text, size_t len)
{
    size_t         i, size;
    unsigned char  ch, next;

    size = strlen(text);
    len = len < size ? len : size;

    while (len < size && len > 0 && ((unsigned char) text[len] & 0xc0) == 0x80)
    {
        len--;
    }

    for (i = 0; i < len; i++) {

        ch = (unsigned char) text[i];
        next = (unsigned char) text[i + 1];

        if (ch < 0x20 || ch == 0x7f) {
            putchar('?');

        } else if (ch == 0xc2 && next >= 0x80 && next < 0xa0) {
            putchar('?');
            i++;

        } else {
            putchar(ch);
        }
    }
}
