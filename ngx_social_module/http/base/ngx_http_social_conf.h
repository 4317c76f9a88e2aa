
/*
 * Configuration: tables of directives, lines of blocks and parameters, and
 * the one parser that reads them.
 */

#ifndef NGX_HTTP_SOCIAL_CONF_H
#define NGX_HTTP_SOCIAL_CONF_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "social_str.h"


/*
 * A configuration position: errors that show only when locations are merged
 * are reported for that line, not for the last one.
 */

typedef struct {
    ngx_str_t             file;
    ngx_uint_t            line;          /* 0: not set */
} ngx_http_social_position_t;


/*
 * An entry of a table: a parameter "name=value" of a directive (the table's
 * identifier ends in "_params"), a line of a block ("_lines"), or what
 * cmd->post of a directive points to (without a name).
 */

typedef struct ngx_http_social_conf_entry_s  ngx_http_social_conf_entry_t;

/*
 * Sets the field at entry->offset of "conf" from "n" values: one, unless the
 * entry is NGX_HTTP_SOCIAL_CONF_LIST.  NGX_CONF_ERROR: already logged.
 */
typedef char *(*ngx_http_social_conf_set_pt)(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);

struct ngx_http_social_conf_entry_s {
    ngx_str_t                    name;
    ngx_uint_t                   flags;
    ngx_http_social_conf_set_pt  set;
    size_t                       offset;
    int64_t                      min;      /* in the unit of "set" */
    int64_t                      max;      /* 0: none */
    const void                  *post;     /* by "set" */
};

#define ngx_http_social_conf_field(conf, entry)                               \
    (void *) ((u_char *) (conf) + (entry)->offset)

#define ngx_http_social_conf_null_entry                                       \
    { ngx_null_string, 0, NULL, 0, 0, 0, NULL }


#define NGX_HTTP_SOCIAL_CONF_REQUIRED  0x01
#define NGX_HTTP_SOCIAL_CONF_REPEAT    0x02   /* a parameter may be repeated */
#define NGX_HTTP_SOCIAL_CONF_LIST      0x04   /* a line has 1 or more values */
#define NGX_HTTP_SOCIAL_CONF_SECRET    0x08   /* the value is not shown */

/* a parameter that is allowed only in the contexts "n" (0 to 15) */
#define NGX_HTTP_SOCIAL_CONF_IN(n)     (0x10000 << (n))


/* "post" of ngx_http_social_conf_word() and ngx_http_social_conf_list() */

typedef struct {
    ngx_uint_t  (*valid)(ngx_str_t *value);
    const char   *must;                       /* "it must be ..." */
} ngx_http_social_conf_check_t;


/* ngx_http_social_conf_types.c */

/*
 * The types of entries, with the type of the field and what "post" is:
 *
 *     word    ngx_str_t, not empty; a check or NULL
 *     list    ngx_array_t * of social_str_t, without duplicates; a check or
 *             NULL
 *     commas  the same, from one value with commas
 *     flag    ngx_flag_t
 *     number  ngx_uint_t
 *     size    size_t, bytes
 *     offset  off_t, bytes
 *     sec     time_t, seconds
 *     msec    ngx_msec_t, milliseconds
 *     enum    ngx_uint_t; an ngx_conf_enum_t table
 *     mask    ngx_uint_t, from one value with commas; an ngx_conf_bitmask_t
 *             table
 *     url     ngx_str_t, by social_url_check(); with "post" (anything) it may
 *             have a query
 *     file    ngx_str_t, the full name of a file that exists, by the
 *             configuration's directory
 */
char *ngx_http_social_conf_word(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
char *ngx_http_social_conf_list(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
char *ngx_http_social_conf_commas(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
char *ngx_http_social_conf_flag(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
char *ngx_http_social_conf_number(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
char *ngx_http_social_conf_size(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
char *ngx_http_social_conf_offset(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
char *ngx_http_social_conf_sec(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
char *ngx_http_social_conf_msec(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
char *ngx_http_social_conf_enum(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
char *ngx_http_social_conf_mask(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
char *ngx_http_social_conf_url(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
char *ngx_http_social_conf_file(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);


/* ngx_http_social_conf.c */

/*
 * Setters for ngx_command_t: of a flag, without cmd->post, and of whatever
 * the entry in cmd->post says.  The field at cmd->offset is unset, that is
 * NGX_CONF_UNSET*, or an ngx_str_t without data; else it is a duplicate.
 */
char *ngx_http_social_conf_flag_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_social_conf_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Parses the parameters of the current directive from argument "first" on
 * into "conf".  "context" is NGX_HTTP_SOCIAL_CONF_IN() of what the directive
 * is now, or 0; with "secret" an unknown parameter is not shown.
 */
char *ngx_http_social_conf_params(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *params, ngx_uint_t first,
    ngx_uint_t context, ngx_uint_t secret, void *conf);

/*
 * Parses the block of the current directive into "conf".
 */
char *ngx_http_social_conf_block(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *lines, void *conf);


/*
 * Objects that are known by the first argument of their directive: an array
 * of pointers to structures whose first member is that name, an ngx_str_t.
 * The first one adds a zeroed one of "size" bytes for the current directive;
 * NULL: the name is empty or a duplicate, already logged, or out of memory.
 * The second one returns that of a name, or NULL.
 */
void *ngx_http_social_conf_add_named(ngx_conf_t *cf, ngx_array_t *named,
    size_t size);
void *ngx_http_social_conf_find_named(ngx_array_t *named, ngx_str_t *name);


/* ngx_http_social_conf_error.c */

/*
 * Stores the configuration position of the current directive.
 */
void ngx_http_social_conf_position(ngx_conf_t *cf,
    ngx_http_social_position_t *position);

/*
 * Logs an [emerg] for "position" (or for the line being parsed, when it is
 * NULL or not set) and returns NGX_CONF_ERROR.  nginx adds " in FILE:LINE",
 * so that a message ends in what is wrong there; what to do about it stands
 * before that in parentheses.
 */
char *ngx_http_social_conf_error(ngx_conf_t *cf,
    ngx_http_social_position_t *position, const char *fmt, ...);

/*
 * The same for the line being parsed: an invalid value of an entry, of which
 * no more is shown than fits; the rest says what it must be.
 */
char *ngx_http_social_conf_invalid(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value,
    const char *fmt, ...);

/*
 * Other errors of the current directive.
 */
char *ngx_http_social_conf_duplicate(ngx_conf_t *cf);
char *ngx_http_social_conf_duplicate_value(ngx_conf_t *cf, ngx_str_t *value);

/*
 * Writes the next name of "a", "b" or "c", with "or" as conjunction; returns
 * the end of what was written, "last" at most.
 */
u_char *ngx_http_social_conf_join(u_char *p, u_char *last,
    const ngx_str_t *name, ngx_uint_t is_first, ngx_uint_t is_last,
    const char *conjunction);

/*
 * What a directive needs and "what", another one, must define: "no ... is
 * defined (remedy) for the ... directive".
 */
char *ngx_http_social_conf_missing(ngx_conf_t *cf,
    ngx_http_social_position_t *position, const char *what,
    const char *remedy, const char *directive);

/*
 * How much of a value is shown: what follows is not to be cut off after
 * a long one.
 */
size_t ngx_http_social_conf_shown(ngx_str_t *value, const char **end);


#endif /* NGX_HTTP_SOCIAL_CONF_H */
