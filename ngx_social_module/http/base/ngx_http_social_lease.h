
/*
 * One worker for all: a lease in the shared zone.  It expires by itself, and
 * with the process that has it: a killed worker keeps nothing from the others.
 * All functions are called with the slab pool's mutex held.
 */

#ifndef NGX_HTTP_SOCIAL_LEASE_H
#define NGX_HTTP_SOCIAL_LEASE_H


#include <ngx_config.h>
#include <ngx_core.h>


/* zeroed: free */

typedef struct {
    ngx_pid_t             owner;         /* 0: nobody */
    ngx_msec_t            expires;       /* as ngx_current_msec */
} ngx_http_social_lease_t;


/*
 * Whether a process has the lease, this one included.
 */
ngx_uint_t ngx_http_social_lease_held(ngx_http_social_lease_t *lease);

/*
 * Acquires the lease for "time" milliseconds from now, or renews it.  1: this
 * process has it; 0: another one has.
 */
ngx_uint_t ngx_http_social_lease_acquire(ngx_http_social_lease_t *lease,
    ngx_msec_t time);

/*
 * Ends the lease, if this process has it.
 */
void ngx_http_social_lease_release(ngx_http_social_lease_t *lease);


#endif /* NGX_HTTP_SOCIAL_LEASE_H */
