
/*
 * A connection of the main thread.
 */

#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "social_worker_clock.h"
#include "social_worker_dial.h"
#include "social_worker_link.h"
#include "social_worker_log.h"


/*
 * Milliseconds: what the server may take for a statement, after which it says
 * so; what a connection may take, its thread's own limits being shorter where
 * no name has to be resolved; and the pause after one that failed.
 */
#define SOCIAL_WORKER_LINK_STATEMENT  10000
#define SOCIAL_WORKER_LINK_CONNECT    20000
#define SOCIAL_WORKER_LINK_PAUSE      200
#define SOCIAL_WORKER_LINK_MAX_PAUSE  3000


typedef struct social_worker_sent_s  social_worker_sent_t;

struct social_worker_sent_s {
    social_worker_sent_t           *next;
    social_worker_statement_t      *statement;
    social_worker_link_handler_pt   handler;
    void                           *data;
    long long                       deadline;
};


struct social_worker_link_s {
    social_worker_outage_t         *outage;
    int                             wake;

    social_pq_t                    *pq;
    social_worker_dial_t           *dial;
    bool                            unsent;
    bool                            notified;
    bool                            failing;
    bool                            left;      /* a thread is at work still */
    long long                       next_dial;
    long long                       dial_until;
    long long                       pause;

    social_worker_sent_t           *first;
    social_worker_sent_t          **last;
    size_t                          pending;
};


static bool social_worker_link_queue(social_worker_link_t *link,
    const social_worker_sent_t *sent, const char *const *params, size_t n,
    bool sync);
static bool social_worker_link_connect(social_worker_link_t *link,
    const char *conninfo);
static void social_worker_link_read(social_worker_link_t *link);
static void social_worker_link_answer(social_worker_link_t *link,
    const social_pq_result_t *result);
static void social_worker_link_note(social_worker_statement_t *statement,
    const social_pq_result_t *result);
static void social_worker_link_lost(social_worker_link_t *link,
    const char *error);


social_worker_link_t *
social_worker_link_create(social_worker_outage_t *outage, int wake)
{
    social_worker_link_t  *link;

    link = calloc(1, sizeof(social_worker_link_t));

    if (link == NULL) {
        return NULL;
    }

    link->outage = outage;
    link->wake = wake;
    link->last = &link->first;
    link->pause = SOCIAL_WORKER_LINK_PAUSE;

    return link;
}


bool
social_worker_link_free(social_worker_link_t *link)
{
    bool                   done;
    social_worker_sent_t  *sent;

    if (link == NULL) {
        return true;
    }

    while (link->first != NULL) {
        sent = link->first;
        link->first = sent->next;
        free(sent);
    }

    done = social_worker_dial_end(link->dial) && !link->left;
    social_pq_close(link->pq);
    free(link);

    return done;
}


bool
social_worker_link_up(const social_worker_link_t *link)
{
    return link->pq != NULL;
}


size_t
social_worker_link_pending(const social_worker_link_t *link)
{
    return link->pending;
}


bool
social_worker_link_send(social_worker_link_t *link,
    social_worker_statement_t *statement, const char *const *params, size_t n,
    long long limit, social_worker_link_handler_pt handler, void *data)
{
    social_worker_sent_t  sent;

    sent.statement = statement;
    sent.handler = handler;
    sent.data = data;
    sent.deadline = social_worker_now() + limit;

    return social_worker_link_queue(link, &sent, params, n, true);
}


bool
social_worker_link_add(social_worker_link_t *link,
    social_worker_statement_t *statement, const char *const *params, size_t n,
    long long limit, social_worker_link_handler_pt handler, void *data)
{
    social_worker_sent_t  sent;

    sent.statement = statement;
    sent.handler = handler;
    sent.data = data;
    sent.deadline = social_worker_now() + limit;

    return social_worker_link_queue(link, &sent, params, n, false);
}


static bool
social_worker_link_queue(social_worker_link_t *link,
    const social_worker_sent_t *what, const char *const *params, size_t n,
    bool sync)
{
    size_t                 i;
    social_pq_param_t      values[SOCIAL_WORKER_LINK_PARAMS];
    social_worker_sent_t  *sent;

    if (link->pq == NULL || n > SOCIAL_WORKER_LINK_PARAMS) {
        return false;
    }

    sent = malloc(sizeof(social_worker_sent_t));

    if (sent == NULL) {

        if (sync) {

            /* what was added before has no sync behind it */

            social_worker_link_lost(link, "no memory");
        }

        return false;
    }

    for (i = 0; i < n; i++) {
        values[i].null = params[i] == NULL;
        values[i].value = social_str(params[i] ? params[i] : "");
    }

    if (social_pq_add(link->pq, what->statement->sql, values, n) != SOCIAL_OK
        || (sync && social_pq_sync(link->pq) != SOCIAL_OK))
    {
        free(sent);
        social_worker_link_lost(link, "a statement could not be sent");
        return false;
    }

    *sent = *what;
    sent->next = NULL;

    *link->last = sent;
    link->last = &sent->next;
    link->pending++;
    link->unsent = true;

    return true;
}


void
social_worker_link_process(social_worker_link_t *link, const char *conninfo,
    bool *fresh)
{
    *fresh = false;

    if (link->pq == NULL) {
        *fresh = social_worker_link_connect(link, conninfo);
        return;
    }

    if (link->unsent) {

        switch (social_pq_flush(link->pq)) {

        case SOCIAL_OK:
            link->unsent = false;
            break;

        case SOCIAL_DECLINED:
            break;

        default:
            social_worker_link_lost(link, "the connection was closed");
            return;
        }
    }

    social_worker_link_read(link);

    if (link->first != NULL && social_worker_now() >= link->first->deadline) {
        social_worker_link_lost(link, "a statement took too long");
    }
}


int
social_worker_link_socket(const social_worker_link_t *link, short *events)
{
    *events = (short) (POLLIN | (link->unsent ? POLLOUT : 0));

    return link->pq ? social_pq_socket(link->pq) : -1;
}


long long
social_worker_link_deadline(const social_worker_link_t *link)
{
    if (link->dial != NULL) {
        return link->dial_until;
    }

    if (link->pq == NULL) {
        return link->next_dial;
    }

    return link->first ? link->first->deadline : LLONG_MAX;
}


bool
social_worker_link_notified(social_worker_link_t *link)
{
    bool  notified;

    notified = link->notified;
    link->notified = false;

    return notified;
}


/* true: the connection is there now */

static bool
social_worker_link_connect(social_worker_link_t *link, const char *conninfo)
{
    char         error[SOCIAL_PQ_ERROR_SIZE];
    long long    now;
    social_rc_e  rc;

    now = social_worker_now();

    if (link->dial == NULL) {

        if (now < link->next_dial) {
            return false;
        }

        link->dial = social_worker_dial_start(conninfo,
                                              SOCIAL_WORKER_LINK_STATEMENT,
                                              link->wake);
        link->dial_until = now + SOCIAL_WORKER_LINK_CONNECT;

        if (link->dial == NULL) {
            social_worker_link_lost(link, "no memory, or no thread");
        }

        return false;
    }

    rc = social_worker_dial_poll(link->dial, &link->pq, error);

    if (rc == SOCIAL_DECLINED && now < link->dial_until) {
        return false;
    }

    link->left = !social_worker_dial_end(link->dial) || link->left;
    link->dial = NULL;

    if (rc != SOCIAL_OK) {
        social_worker_link_lost(link, rc == SOCIAL_FAILED ? error
                                      : "the connection took too long");
        return false;
    }

    link->pause = SOCIAL_WORKER_LINK_PAUSE;

    if (link->failing) {
        link->failing = false;

        if (--link->outage->links == 0) {
            social_worker_log(SOCIAL_WORKER_INFO, "database available again",
                              social_worker_text("application",
                                                 "social-worker"));
        }
    }

    return true;
}


static void
social_worker_link_read(social_worker_link_t *link)
{
    social_rc_e          rc;
    social_pq_result_t  *result;

    if (social_pq_consume(link->pq) != SOCIAL_OK) {
        social_worker_link_lost(link, "the connection was closed");
        return;
    }

    link->notified = social_pq_notified(link->pq) || link->notified;

    /* a handler may send, and lose the connection by it */

    while (link->pq != NULL && link->first != NULL) {

        rc = social_pq_next(link->pq, &result);

        if (rc == SOCIAL_DECLINED) {
            return;
        }

        if (rc != SOCIAL_OK) {
            social_worker_link_lost(link, "the connection was closed");
            return;
        }

        if (social_pq_result_outcome(result) == SOCIAL_PQ_BROKEN) {
            social_pq_result_free(result);
            social_worker_link_lost(link, "the connection was closed");
            return;
        }

        social_worker_link_answer(link, result);
        social_pq_result_free(result);
    }
}


static void
social_worker_link_answer(social_worker_link_t *link,
    const social_pq_result_t *result)
{
    social_worker_sent_t  *sent;

    sent = link->first;
    link->first = sent->next;
    link->pending--;

    if (link->first == NULL) {
        link->last = &link->first;
    }

    social_worker_link_note(sent->statement, result);

    sent->handler(sent->data, social_pq_result_outcome(result), result);

    free(sent);
}


static void
social_worker_link_note(social_worker_statement_t *statement,
    const social_pq_result_t *result)
{
    if (social_pq_result_outcome(result) == SOCIAL_PQ_OK) {

        if (statement->failing) {
            statement->failing = false;
            social_worker_log(SOCIAL_WORKER_INFO, "statement succeeds again",
                              social_worker_text("statement",
                                                 statement->sql));
        }

        return;
    }

    /* the other one of its transaction says why */

    if (social_pq_result_outcome(result) == SOCIAL_PQ_ABORTED) {
        return;
    }

    social_worker_log(statement->failing ? SOCIAL_WORKER_DEBUG
                                         : SOCIAL_WORKER_ERROR,
                      "statement failed",
                      social_worker_text("statement", statement->sql),
                      social_worker_text("error",
                                         social_pq_result_message(result)));

    statement->failing = true;
}


/*
 * All that was sent gets its outcome when the connection is gone: a handler
 * cannot send to it any more.
 */

static void
social_worker_link_lost(social_worker_link_t *link, const char *error)
{
    social_worker_sent_t  *sent, *next;

    if (!link->failing) {
        link->failing = true;

        if (link->outage->links++ == 0) {
            social_worker_log(SOCIAL_WORKER_ERROR, "database unavailable",
                              social_worker_text("error", error));
        }
    }

    social_pq_close(link->pq);
    link->pq = NULL;
    link->unsent = false;

    link->next_dial = social_worker_now() + social_worker_jitter(link->pause);
    link->pause = link->pause * 2 < SOCIAL_WORKER_LINK_MAX_PAUSE
                  ? link->pause * 2 : SOCIAL_WORKER_LINK_MAX_PAUSE;

    sent = link->first;
    link->first = NULL;
    link->last = &link->first;
    link->pending = 0;

    for ( /* void */ ; sent != NULL; sent = next) {
        next = sent->next;
        sent->handler(sent->data, SOCIAL_PQ_BROKEN, NULL);
        free(sent);
    }
}
