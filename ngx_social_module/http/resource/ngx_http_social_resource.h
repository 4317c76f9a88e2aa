
/*
 * Protected resources (RFC 9728): what a location says about itself to
 * clients that have no token yet.
 */

#ifndef NGX_HTTP_SOCIAL_RESOURCE_H
#define NGX_HTTP_SOCIAL_RESOURCE_H


#include "ngx_http_social_issuer.h"
#include "social_cors.h"


/*
 * One "social_resource", shared by the locations that inherit it.  Read-only
 * after start.
 */

typedef struct {
    ngx_str_t                   url;
    ngx_str_t                   path;        /* of its metadata, without a
                                                slash at its end */
    ngx_str_t                   challenge;   /* a parameter of
                                                WWW-Authenticate */
    ngx_str_t                   metadata;    /* JSON */

    ngx_array_t                *servers;     /* of social_str_t; NULL: the
                                                issuers of its locations */
    ngx_array_t                *scopes;      /* of social_str_t; NULL: those
                                                that its locations require */
    ngx_array_t                *audiences;   /* of social_str_t, with "url" */
    ngx_array_t                *origins;     /* of social_cors_origin_t, with
                                                its own */
    ngx_flag_t                  unbound;     /* tokens without "aud", too */
    ngx_str_t                   name;
    ngx_str_t                   documentation;

    ngx_array_t                 issuers;     /* of ngx_http_social_issuer_t *:
                                                those of its locations */
    ngx_array_t                 required;    /* of social_str_t: scopes */

    ngx_str_t                  *algorithms;  /* of DPoP; NULL: none */
    unsigned                    unproved:1;  /* somewhere in it DPoP is not
                                                required */
    unsigned                    mtls:1;      /* somewhere it is required */
    unsigned                    uncertified:1;

    ngx_http_social_position_t  position;
} ngx_http_social_resource_t;


typedef struct {
    ngx_array_t                 all;         /* of pointers to resources */
} ngx_http_social_resource_main_conf_t;


typedef struct {
    ngx_array_t                *resources;   /* the same, of this server;
                                                NULL: none */
} ngx_http_social_resource_srv_conf_t;


typedef struct {
    ngx_http_social_resource_t  *resource;   /* NULL: none */
} ngx_http_social_resource_loc_conf_t;


extern ngx_module_t  ngx_http_social_resource_module;


/* ngx_http_social_resource_module.c */

/*
 * The resource of a location that is being merged, for modules that are merged
 * later than this one; or NULL.
 */
ngx_http_social_resource_t *ngx_http_social_resource_of(ngx_conf_t *cf);

/*
 * Says that tokens of "issuers" are accepted in a location of the resource,
 * and which scopes are required there (an array of social_str_t, or NULL).
 * NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_resource_bind(ngx_http_social_resource_t *resource,
    ngx_array_t *issuers, ngx_array_t *scopes);


/* ngx_http_social_resource_conf.c */

/*
 * The setter of "social_resource".
 */
char *ngx_http_social_resource_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Makes the metadata of a resource, when all locations are known.
 */
char *ngx_http_social_resource_finish(ngx_conf_t *cf,
    ngx_http_social_resource_t *resource);


/* ngx_http_social_resource_handler.c */

/*
 * The resource that a request's location belongs to, or NULL.
 */
ngx_http_social_resource_t *ngx_http_social_resource(ngx_http_request_t *r);

/*
 * In the first phase of a server: answers requests for metadata.
 */
ngx_int_t ngx_http_social_resource_metadata_handler(ngx_http_request_t *r);

/*
 * In the rewrite phase: refuses requests of foreign pages.
 */
ngx_int_t ngx_http_social_resource_origin_handler(ngx_http_request_t *r);


#endif /* NGX_HTTP_SOCIAL_RESOURCE_H */
