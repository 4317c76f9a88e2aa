
/*
 * Claims, leases, fences and completes jobs of an empty kind, by the functions
 * that social-worker calls: bench-queue WORKERS BATCH SECONDS, and libpq's
 * environment.  Prints how many jobs a second.
 *
 * Each worker has a connection and a lease of its own, and extends it as it
 * would: each third of it.
 */

#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define BENCH_WORKERS  16
#define BENCH_LEASE    "3 seconds"
#define BENCH_BEAT     1.0


typedef struct {
    pthread_t  thread;
    char       name[32];
    long       count;
} bench_worker_t;


static double    bench_end;
static unsigned  bench_batch;


static double
bench_now(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}


static void
bench_die(PGconn *conn)
{
    fprintf(stderr, "bench-queue: %s", PQerrorMessage(conn));
    exit(1);
}


static PGresult *
bench_run(PGconn *conn, const char *name, int n, const char *const *params)
{
    PGresult  *result;

    result = PQexecPrepared(conn, name, n, params, NULL, NULL, 0);

    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        bench_die(conn);
    }

    return result;
}


static void
bench_prepare(PGconn *conn, const char *name, const char *sql)
{
    PGresult  *result;

    result = PQprepare(conn, name, sql, 0, NULL);

    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        bench_die(conn);
    }

    PQclear(result);
}


/* a column as an array's text, which has room for it */

static void
bench_array(const PGresult *rows, int column, char *to)
{
    int  i;

    *to++ = '{';

    for (i = 0; i < PQntuples(rows); i++) {
        to += sprintf(to, "%s%s", i > 0 ? "," : "",
                      PQgetvalue(rows, i, column));
    }

    strcpy(to, "}");
}


static void *
bench_work(void *data)
{
    bench_worker_t  *worker = data;

    int          n;
    char         batch[16], *ids, *fences;
    double       beat;
    PGconn      *conn;
    PGresult    *rows;
    const char  *params[4];

    conn = PQconnectdb("");

    if (PQstatus(conn) != CONNECTION_OK) {
        bench_die(conn);
    }

    bench_prepare(conn, "claim",
                  "SELECT id, fence, kind, payload, attempt, suspect, failures"
                  " FROM social_jobs_claim('default', $1, '" BENCH_LEASE "',"
                  " $2)");
    bench_prepare(conn, "finish",
                  "SELECT id, state FROM social_jobs_finish($1, $2, $3, NULL)");
    bench_prepare(conn, "beat",
                  "SELECT social_worker_beat($1, '" BENCH_LEASE "', $2, $3)");

    snprintf(batch, sizeof(batch), "%u", bench_batch);
    ids = malloc(24 * bench_batch + 8);
    fences = malloc(24 * bench_batch + 8);

    if (ids == NULL || fences == NULL) {
        exit(1);
    }

    beat = bench_now() + BENCH_BEAT;

    while (bench_now() < bench_end) {

        params[0] = worker->name;
        params[1] = batch;
        rows = bench_run(conn, "claim", 2, params);
        n = PQntuples(rows);
        bench_array(rows, 0, ids);
        bench_array(rows, 1, fences);
        PQclear(rows);

        if (n == 0) {
            fprintf(stderr, "bench-queue: no more jobs\n");
            break;
        }

        params[1] = ids;
        params[2] = fences;

        if (bench_now() >= beat) {
            beat = bench_now() + BENCH_BEAT;
            rows = bench_run(conn, "beat", 3, params);

            if (PQntuples(rows) != 0) {
                fprintf(stderr, "bench-queue: jobs were lost\n");
                exit(1);
            }

            PQclear(rows);
        }

        rows = bench_run(conn, "finish", 3, params);

        if (PQntuples(rows) != n) {
            fprintf(stderr, "bench-queue: %d of %d jobs were recorded\n",
                    PQntuples(rows), n);
            exit(1);
        }

        PQclear(rows);
        worker->count += n;
    }

    free(ids);
    free(fences);
    PQfinish(conn);

    return NULL;
}


int
main(int argc, char **argv)
{
    int              i, workers;
    long             count;
    double           began;
    bench_worker_t   all[BENCH_WORKERS];

    if (argc != 4) {
        fprintf(stderr, "usage: bench-queue WORKERS BATCH SECONDS\n");
        return 1;
    }

    workers = atoi(argv[1]);
    bench_batch = (unsigned) atoi(argv[2]);

    if (workers < 1 || workers > BENCH_WORKERS || bench_batch < 1
        || bench_batch > 1000)
    {
        fprintf(stderr, "bench-queue: 1 to %d workers, batches of 1 to 1000\n",
                BENCH_WORKERS);
        return 1;
    }

    memset(all, 0, sizeof(all));

    began = bench_now();
    bench_end = began + atof(argv[3]);

    for (i = 0; i < workers; i++) {
        snprintf(all[i].name, sizeof(all[i].name), "bench/%d/%.6f", i, began);

        if (pthread_create(&all[i].thread, NULL, bench_work, &all[i]) != 0) {
            return 1;
        }
    }

    count = 0;

    for (i = 0; i < workers; i++) {
        pthread_join(all[i].thread, NULL);
        count += all[i].count;
    }

    printf("%.0f\n", (double) count / (bench_now() - began));

    return 0;
}
