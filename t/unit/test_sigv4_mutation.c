
/*
 * Verifying: every request that differs in one byte from one that was signed.
 */

#include "social_unit_verify.h"


/*
 * Every part of a request in turn, every byte of it, with every other value
 * of a byte, gone, and doubled.  What is accepted must be the same request
 * in another spelling: its canonical form and its time are those of the one
 * that was signed.
 */

typedef struct {
    verify_t       *v;
    unsigned char   canonical[4096];
    size_t          canonical_len;
    size_t          tried;
    size_t          accepted;
} mutation_t;


static void
mutate_try(mutation_t *m, const char *part, social_str_t now)
{
    social_str_t           c;
    social_sigv4_status_e  status;

    status = verify(m->v);
    m->tried++;

    assert_int_not_equal(status, SOCIAL_SIGV4_FAILED);
    assert_int_not_equal(status, SOCIAL_SIGV4_STREAMING);

    if (status != SOCIAL_SIGV4_OK) {
        return;
    }

    m->accepted++;
    c = m->v->verified.canonical;

    if (c.len != m->canonical_len
        || memcmp(c.data, m->canonical, c.len) != 0
        || m->v->verified.time != NOW
        || m->v->verified.known != &m->v->known[1])
    {
        fail_msg("%s: accepted \"%.*s\"", part, (int) now.len, now.data);
    }
}


static void
mutate(mutation_t *m, const char *part, social_str_t *s)
{
    size_t          i;
    unsigned        ch;
    social_str_t    original, changed;
    unsigned char  *copy;

    original = *s;
    copy = malloc(original.len + 1);
    assert_non_null(copy);
    changed.data = copy;
    *s = changed;

    for (i = 0; i < original.len; i++) {

        memcpy(copy, original.data, original.len);
        s->len = original.len;

        for (ch = 0; ch < 256; ch++) {
            if (ch != original.data[i]) {
                copy[i] = (unsigned char) ch;
                mutate_try(m, part, *s);
            }
        }

        memcpy(copy, original.data, i);
        memcpy(copy + i, original.data + i + 1, original.len - i - 1);
        s->len = original.len - 1;
        mutate_try(m, part, *s);

        memcpy(copy, original.data, i + 1);
        memcpy(copy + i + 1, original.data + i, original.len - i);
        s->len = original.len + 1;
        mutate_try(m, part, *s);
    }

    free(copy);
    *s = original;
}


static void
mutate_all(verify_t *v, size_t most)
{
    size_t       i;
    mutation_t   m;

    assert_int_equal(verify(v), SOCIAL_SIGV4_OK);

    memset(&m, 0, sizeof(m));
    m.v = v;
    m.canonical_len = v->verified.canonical.len;
    assert_true(m.canonical_len <= sizeof(m.canonical));
    memcpy(m.canonical, v->verified.canonical.data, m.canonical_len);

    mutate(&m, "method", &v->r.request.method);
    mutate(&m, "path", &v->r.request.path);
    mutate(&m, "query", &v->r.request.query);

    for (i = 0; i < v->r.request.header_count; i++) {
        mutate(&m, "name", &v->r.headers[i].name);
        mutate(&m, "value", &v->r.headers[i].value);
    }

    print_message("%zu requests tried, %zu other spellings accepted\n",
                  m.tried, m.accepted);
    assert_true(m.accepted <= most);

    assert_int_equal(verify(v), SOCIAL_SIGV4_OK);
}


static void
test_mutations(void **state)
{
    verify_t  v;

    (void) state;

    start(&v);
    sign_headers(&v);
    mutate_all(&v, 200);

    start(&v);
    v.credentials.token = S("T/+=");
    v.known[1].token = S("T/+=");
    v.known[1].secrets[1] = S("previous");
    sign_query(&v);
    mutate_all(&v, 200);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_mutations),
    };

    return cmocka_run_group_tests_name("sigv4_mutation", tests, NULL, NULL);
}
