
/*
 * The state of the main thread, which its parts share.
 *
 * It waits for nothing but poll(): what the database says comes to handlers.
 * There are three connections, so that neither a claim nor a result that has
 * to wait delays a beat, by which the lease of this worker is renewed.
 */

#ifndef SOCIAL_WORKER_LOOP_H
#define SOCIAL_WORKER_LOOP_H


#include "social_worker_counts.h"
#include "social_worker_link.h"
#include "social_worker_notify.h"
#include "social_worker_slot.h"
#include "social_worker_sqs.h"


/* milliseconds that a claim or a result may take, and its connection lasts */

#define SOCIAL_WORKER_LOOP_LIMIT  12000

/* the most jobs that are claimed ahead, and that are recorded in one statement;
   and the milliseconds that jobs may take for which it is done */

#define SOCIAL_WORKER_LOOP_AHEAD  100
#define SOCIAL_WORKER_LOOP_SHORT  50

/* milliseconds that results of such jobs wait for others, since the first of
   them or the last claim, and that they are recorded apart from claims after
   one of them failed */

#define SOCIAL_WORKER_LOOP_LINGER  5
#define SOCIAL_WORKER_LOOP_APART   2000


/*
 * A queue, the threads for its jobs, and those jobs: lane 0 is the worker's
 * "queue" and "concurrency", each other one a section "lane".
 */

typedef struct {
    struct social_worker_loop_s
                             *loop;
    char                     *name;        /* NULL of lane 0 */
    char                     *queue;
    social_worker_slot_t     *slots;
    size_t                    slot_count;

    size_t                    active;      /* jobs without an outcome */
    size_t                    suspects;

    bool                      claiming;
    bool                      drained;     /* the last claim gave nothing */
    size_t                    wanted;
    size_t                    ahead;       /* more than there are threads */
    long long                 claimed;     /* when the last one gave a job */
    long long                 next_poll;
} social_worker_lane_t;


typedef struct social_worker_loop_s {
    social_worker_conf_t     *conf;
    social_worker_work_t      work;
    size_t                    lane_count;
    social_worker_lane_t      lanes[SOCIAL_WORKER_WORK_LANES];
    size_t                    slot_count;  /* of all lanes */

    char                      name[128];
    char                      lease[32];           /* as an interval */
    int                       wake;
    int                       signals;
    bool                      once;
    bool                      stop;
    uint64_t                  progress;    /* what the database has settled */
    social_worker_sqs_t      *sqs;

    social_worker_notify_t    notify;
    social_worker_outage_t    outage;
    social_worker_link_t     *beats;
    social_worker_link_t     *claims;
    social_worker_link_t     *results;

    /* all jobs that are this worker's, and those of them without an outcome */
    TAILQ_HEAD(, social_worker_job_s)  held;
    size_t                    active;

    /* social_worker_lease.c */
    uint64_t                  beat;
    long long                 beat_sent;
    long long                 next_beat;
    long long                 lease_until;
    bool                      beating;
    bool                      check;       /* what is held under our name */
    bool                      checking;

    /* social_worker_counts.c */
    social_worker_counts_t    counts;
    long long                 next_counts;
    bool                      counting;

    /* social_worker_claim.c */
    size_t                    claiming;    /* lanes that are */
    const char               *schema;      /* what was said of it */
    long                      applied;     /* its newest migration; 0: none */
    long long                 next_prune;
    bool                      pruning;

    /* social_worker_result.c */
    social_worker_jobs_t      ended;       /* to be recorded */
    long long                 ended_at;    /* the first of those */
    long long                 apart;       /* until then: not with a claim */
    size_t                    unrecorded;  /* those, and those that were sent */
    size_t                    sending;
    social_worker_jobs_t      asking;
    size_t                    asked;

    /*
     * Adds a claim to the transaction of what is sent next on its connection,
     * where there is something to be claimed and jobs are short:
     * social_worker_claim_add().  False: there is none.
     */
    bool                    (*share)(struct social_worker_loop_s *loop,
                                     long long now);
} social_worker_loop_t;


/*
 * Parts of the loop: each does what is due and possible now, and the second
 * function says when something will be that does not follow from what comes,
 * LLONG_MAX where nothing will.
 */
void social_worker_lease_process(social_worker_loop_t *loop, long long now);
long long social_worker_lease_deadline(const social_worker_loop_t *loop);

void social_worker_claim_process(social_worker_loop_t *loop, long long now);
long long social_worker_claim_deadline(const social_worker_loop_t *loop);

void social_worker_counts_process(social_worker_loop_t *loop, long long now);
long long social_worker_counts_deadline(const social_worker_loop_t *loop);

void social_worker_result_process(social_worker_loop_t *loop, long long now);
long long social_worker_result_deadline(const social_worker_loop_t *loop);

/*
 * What loop->share is.
 */
bool social_worker_claim_add(social_worker_loop_t *loop, long long now);

/*
 * Starts the threads of all lanes of loop->conf; false: no memory, or no
 * threads, and none runs then.
 */
bool social_worker_lanes_start(social_worker_loop_t *loop);

/*
 * Waits for the jobs at work, and ends the threads.  Afterwards the lanes can
 * be freed.
 */
void social_worker_lanes_stop(social_worker_loop_t *loop);
void social_worker_lanes_free(social_worker_loop_t *loop);

/*
 * Logs what lanes there are besides the worker's queue.
 */
void social_worker_lanes_log(const social_worker_loop_t *loop);

/*
 * Lanes claim from the queues of another configuration, whose concurrency
 * becomes that of now.
 */
void social_worker_lanes_change(social_worker_loop_t *loop,
    social_worker_conf_t *conf);

/*
 * All lanes claim, as soon as they have room.
 */
void social_worker_lanes_soon(social_worker_loop_t *loop);

/*
 * Whether nothing was left the last time that each lane claimed.
 */
bool social_worker_lanes_drained(const social_worker_loop_t *loop);

/*
 * Until when what has ended waits for others that are about to; 0: it does
 * not.
 */
long long social_worker_result_lingers(const social_worker_loop_t *loop,
    long long now);

/*
 * Sets the schedules of the configuration.
 */
void social_worker_schedule_send(social_worker_loop_t *loop);

/*
 * The connection for claims is a new one.
 */
void social_worker_claim_listen(social_worker_loop_t *loop);

/*
 * Gives jobs back that were not begun, "ids" and "fences" as arrays: they can
 * be claimed at once.  It is not known whether it was done.
 */
void social_worker_result_release(social_worker_loop_t *loop, const char *ids,
    const char *fences);

/*
 * Gives back what no thread has begun, and then, when nothing is held, the
 * name.  False: it could not be sent.
 */
void social_worker_result_unbegun(social_worker_loop_t *loop);
bool social_worker_result_leave(social_worker_loop_t *loop);

/*
 * Logs what could not be recorded.
 */
void social_worker_result_give_up(social_worker_loop_t *loop);


#endif /* SOCIAL_WORKER_LOOP_H */
