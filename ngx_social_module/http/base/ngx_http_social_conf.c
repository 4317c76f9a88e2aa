
/*
 * Configuration: the parser of tables.
 */

#include "ngx_http_social.h"
#include "ngx_http_social_conf_note.h"


#define NGX_HTTP_SOCIAL_CONF_CONTEXTS  0xffff0000


/* without contexts of its own it is allowed in any */

#define ngx_http_social_conf_allowed(entry, context)                          \
    (!((entry)->flags & NGX_HTTP_SOCIAL_CONF_CONTEXTS)                        \
     || ((entry)->flags & (context)))


typedef struct {
    const ngx_http_social_conf_entry_t  *lines;
    ngx_str_t                            name;
    void                                *conf;
    uint64_t                             seen;     /* a bit of each line */
} ngx_http_social_conf_block_t;


static char *ngx_http_social_conf_param(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *params, ngx_str_t *arg,
    ngx_uint_t context, ngx_uint_t secret, uint64_t *seen, void *conf);
static size_t ngx_http_social_conf_names(
    const ngx_http_social_conf_entry_t *table, ngx_uint_t context,
    u_char *text, size_t size);
static char *ngx_http_social_conf_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static const ngx_http_social_conf_entry_t *ngx_http_social_conf_required(
    const ngx_http_social_conf_entry_t *table, ngx_uint_t context,
    uint64_t seen);


char *
ngx_http_social_conf_flag_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_command_t                              command;
    static const ngx_http_social_conf_entry_t  entry =
        { ngx_null_string, 0, ngx_http_social_conf_flag, 0, 0, 0, NULL };

    command = *cmd;
    command.post = (void *) &entry;

    return ngx_http_social_conf_slot(cf, &command, conf);
}


char *
ngx_http_social_conf_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    void                          *field;
    ngx_str_t                     *value;
    ngx_uint_t                     set;
    ngx_http_social_conf_entry_t   entry;

    ngx_memcpy(&entry, cmd->post, sizeof(ngx_http_social_conf_entry_t));
    entry.offset = cmd->offset;

    field = ngx_http_social_conf_field(conf, &entry);

    set = (entry.set == ngx_http_social_conf_word)
          ? ((ngx_str_t *) field)->data != NULL
          : *(intptr_t *) field != NGX_CONF_UNSET;

    if (set) {
        return ngx_http_social_conf_duplicate(cf);
    }

    value = cf->args->elts;

    return entry.set(cf, &entry, &value[1], cf->args->nelts - 1, conf);
}


char *
ngx_http_social_conf_params(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *params, ngx_uint_t first,
    ngx_uint_t context, ngx_uint_t secret, void *conf)
{
    uint64_t                             seen;
    ngx_str_t                           *value;
    ngx_uint_t                           i;
    const ngx_http_social_conf_entry_t  *entry;

    value = cf->args->elts;
    seen = 0;

    for (i = first; i < cf->args->nelts; i++) {
        if (ngx_http_social_conf_param(cf, params, &value[i], context, secret,
                                       &seen, conf)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    entry = ngx_http_social_conf_required(params, context, seen);

    if (entry != NULL) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"%V\" directive must have \"%V\" parameter",
                   &value[0], &entry->name);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_social_conf_param(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *params, ngx_str_t *arg,
    ngx_uint_t context, ngx_uint_t secret, uint64_t *seen, void *conf)
{
    size_t                               len, shown;
    uint64_t                             bit;
    ngx_str_t                           *directive, value;
    const char                          *end;
    u_char                               names[NGX_MAX_CONF_ERRSTR / 2];
    const ngx_http_social_conf_entry_t  *entry;

    directive = cf->args->elts;

    for (entry = params; entry->name.len; entry++) {
        if (arg->len > entry->name.len
            && arg->data[entry->name.len] == '='
            && ngx_strncmp(arg->data, entry->name.data, entry->name.len) == 0)
        {
            break;
        }
    }

    if (entry->name.len == 0) {

        len = ngx_http_social_conf_names(params, context, names,
                                         sizeof(names));

        if (secret) {
            return ngx_http_social_conf_error(cf, NULL,
                       "unknown parameter in \"%V\" directive, supported are "
                       "%*s", directive, len, names);
        }

        shown = ngx_http_social_conf_shown(arg, &end);

        return ngx_http_social_conf_error(cf, NULL,
                   "unknown parameter \"%*s%s\" in \"%V\" directive, "
                   "supported are %*s",
                   shown, arg->data, end, directive, len, names);
    }

    if (!ngx_http_social_conf_allowed(entry, context)) {
        return ngx_http_social_conf_error(cf, NULL,
                   "parameter \"%V\" is not allowed in this \"%V\" directive",
                   &entry->name, directive);
    }

    bit = (uint64_t) 1 << (entry - params);

    if ((*seen & bit) && !(entry->flags & NGX_HTTP_SOCIAL_CONF_REPEAT)) {
        return ngx_http_social_conf_error(cf, NULL,
                   "duplicate parameter \"%V\" in \"%V\" directive",
                   &entry->name, directive);
    }

    *seen |= bit;

    value.len = arg->len - entry->name.len - 1;
    value.data = arg->data + entry->name.len + 1;

    return entry->set(cf, entry, &value, 1, conf);
}


/*
 * Those of a table that are allowed in a context, as "a", "b" and "c".
 */

static size_t
ngx_http_social_conf_names(const ngx_http_social_conf_entry_t *table,
    ngx_uint_t context, u_char *text, size_t size)
{
    u_char                              *p;
    const ngx_http_social_conf_entry_t  *entry, *last;

    last = NULL;

    for (entry = table; entry->name.len; entry++) {
        if (ngx_http_social_conf_allowed(entry, context)) {
            last = entry;
        }
    }

    p = text;

    for (entry = table; entry->name.len; entry++) {
        if (ngx_http_social_conf_allowed(entry, context)) {
            p = ngx_http_social_conf_join(p, text + size, &entry->name,
                                          p == text, entry == last, "and");
        }
    }

    return p - text;
}


char *
ngx_http_social_conf_block(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *lines, void *conf)
{
    char                                *rv;
    ngx_str_t                           *value, name;
    ngx_conf_t                           save;
    ngx_http_social_position_t           position;
    ngx_http_social_conf_block_t         block;
    const ngx_http_social_conf_entry_t  *entry;

    /* the block's own arguments are gone when it is parsed */

    value = cf->args->elts;

    name = value[1];

    ngx_http_social_conf_position(cf, &position);

    block.lines = lines;
    block.name = value[0];
    block.conf = conf;
    block.seen = 0;

    save = *cf;

    cf->handler = ngx_http_social_conf_line;
    cf->handler_conf = (void *) &block;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    entry = ngx_http_social_conf_required(lines, 0, block.seen);

    if (entry != NULL) {
        return ngx_http_social_conf_error(cf, &position,
                   "no \"%V\" is defined in \"%V %V\"",
                   &entry->name, &block.name, &name);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_social_conf_line(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    size_t                               len, shown;
    uint64_t                             bit;
    ngx_str_t                           *value;
    const char                          *end;
    u_char                               names[NGX_MAX_CONF_ERRSTR / 2];
    ngx_http_social_conf_block_t        *block;
    const ngx_http_social_conf_entry_t  *entry;

    block = (ngx_http_social_conf_block_t *) cf->handler_conf;
    value = cf->args->elts;

    if (ngx_strcmp(value[0].data, "include") == 0 && cf->args->nelts == 2) {
        return ngx_conf_include(cf, dummy, conf);
    }

    for (entry = block->lines; entry->name.len; entry++) {
        if (entry->name.len == value[0].len
            && ngx_strncmp(entry->name.data, value[0].data, value[0].len) == 0)
        {
            break;
        }
    }

    if (entry->name.len == 0) {

        len = ngx_http_social_conf_names(block->lines, 0, names,
                                         sizeof(names));
        shown = ngx_http_social_conf_shown(&value[0], &end);

        return ngx_http_social_conf_error(cf, NULL,
                   "unknown directive \"%*s%s\" in \"%V\" block, supported "
                   "are %*s",
                   shown, value[0].data, end, &block->name, len, names);
    }

    if (cf->args->nelts < 2
        || (cf->args->nelts > 2 && !(entry->flags & NGX_HTTP_SOCIAL_CONF_LIST)))
    {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid number of arguments in \"%V\" directive",
                   &value[0]);
    }

    bit = (uint64_t) 1 << (entry - block->lines);

    if (block->seen & bit) {
        return ngx_http_social_conf_duplicate(cf);
    }

    block->seen |= bit;

    ngx_http_social_conf_note(cf, (u_char *) block->conf + entry->offset);

    return entry->set(cf, entry, &value[1], cf->args->nelts - 1, block->conf);
}


/*
 * The first one that is required and was not seen, or NULL.
 */

static const ngx_http_social_conf_entry_t *
ngx_http_social_conf_required(const ngx_http_social_conf_entry_t *table,
    ngx_uint_t context, uint64_t seen)
{
    const ngx_http_social_conf_entry_t  *entry;

    for (entry = table; entry->name.len; entry++) {

        if ((entry->flags & NGX_HTTP_SOCIAL_CONF_REQUIRED)
            && !((seen >> (entry - table)) & 1)
            && ngx_http_social_conf_allowed(entry, context))
        {
            return entry;
        }
    }

    return NULL;
}


void *
ngx_http_social_conf_add_named(ngx_conf_t *cf, ngx_array_t *named, size_t size)
{
    void       *object, **slot;
    ngx_str_t  *value;

    value = cf->args->elts;

    if (value[1].len == 0) {
        (void) ngx_http_social_conf_error(cf, NULL,
                   "empty name in \"%V\" directive", &value[0]);
        return NULL;
    }

    if (ngx_http_social_conf_find_named(named, &value[1]) != NULL) {
        (void) ngx_http_social_conf_error(cf, NULL,
                   "duplicate name \"%V\" in \"%V\" directive",
                   &value[1], &value[0]);
        return NULL;
    }

    object = ngx_pcalloc(cf->pool, size);
    slot = ngx_array_push(named);

    if (object == NULL || slot == NULL) {
        return NULL;
    }

    *(ngx_str_t *) object = value[1];
    *slot = object;

    return object;
}


void *
ngx_http_social_conf_find_named(ngx_array_t *named, ngx_str_t *name)
{
    ngx_str_t   **object;
    ngx_uint_t    i;

    object = named->elts;

    for (i = 0; i < named->nelts; i++) {
        if (object[i]->len == name->len
            && ngx_memcmp(object[i]->data, name->data, name->len) == 0)
        {
            return object[i];
        }
    }

    return NULL;
}
