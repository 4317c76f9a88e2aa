
/*
 * Parameters of many statements as arrays; and one row of their result.
 */

#include <stdlib.h>
#include <libpq-fe.h>

#include "social_unit.h"
#include "social_pq_array.h"


#define N  4


static social_pq_param_t         params[N][2];
static const social_pq_param_t  *lists[N] = {
    params[0], params[1], params[2], params[3]
};


static void
set(size_t i, const char *value, size_t len)
{
    params[i][1].null = (value == NULL);
    params[i][1].value.data = (const unsigned char *) value;
    params[i][1].value.len = len;
}


/*
 * Of the first "n" of them; in no more bytes than were promised.
 */

static void
is(size_t n, const char *text)
{
    size_t          size;
    unsigned char  *p, *end;

    size = social_pq_array_size(lists, n, 1);

    p = malloc(size);
    assert_non_null(p);

    end = social_pq_array(p, lists, n, 1);

    assert_in_range(end - p, 0, size);
    assert_int_equal(end - p, strlen(text));
    assert_memory_equal(p, text, strlen(text));

    free(p);
}


static void
test_array(void **state)
{
    (void) state;

    is(0, "{}");

    set(0, "a", 1);
    set(1, NULL, 0);
    set(2, "", 0);
    set(3, "NULL", 4);

    is(1, "{\"a\"}");
    is(2, "{\"a\",NULL}");
    is(4, "{\"a\",NULL,\"\",\"NULL\"}");

    /* what would end an element, an array, or the text */

    set(0, "a\"b\\c", 5);
    set(1, "\\\\\"\"", 4);
    set(2, "},{, \n\t'", 8);
    set(3, "ab\0cd", 5);

    is(4, "{\"a\\\"b\\\\c\",\"\\\\\\\\\\\"\\\"\",\"},{, \n\t'\",\"ab\"}");
}


static void
test_array_size(void **state)
{
    size_t  i;

    (void) state;

    /* the most that there can be: each byte has a backslash before it */

    for (i = 0; i < N; i++) {
        set(i, "\\\"\\\"", 4);
    }

    is(4, "{\"\\\\\\\"\\\\\\\"\",\"\\\\\\\"\\\\\\\"\",\"\\\\\\\"\\\\\\\"\","
          "\"\\\\\\\"\\\\\\\"\"}");

    for (i = 0; i < N; i++) {
        set(i, NULL, 0);
    }

    is(4, "{NULL,NULL,NULL,NULL}");
}


static void
test_part(void **state)
{
    int                  i, j;
    char                 text[3];
    PGresult            *res;
    social_str_t         value;
    social_pq_result_t   all, part;
    PGresAttDesc         columns[3];

    (void) state;

    memset(columns, 0, sizeof(columns));

    for (i = 0; i < 3; i++) {
        columns[i].name = (char *) "c";
    }

    res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    assert_int_equal(PQsetResultAttrs(res, 3, columns), 1);

    for (i = 0; i < 3; i++) {
        for (j = 0; j < 3; j++) {
            text[0] = (char) ('0' + i);
            text[1] = (char) ('0' + j);
            text[2] = '\0';

            assert_int_equal(PQsetvalue(res, i, j, i == 2 && j == 2
                                                   ? NULL : text,
                                        i == 2 && j == 2 ? -1 : 2), 1);
        }
    }

    all.raw = res;
    all.first = 0;
    all.rows = 3;
    all.column = 0;

    assert_true(social_pq_result_value(&all, 2, 0, &value));
    assert_memory_equal(value.data, "20", 2);

    social_pq_result_part(&all, 1, 1, &part);

    assert_int_equal(social_pq_result_rows(&part), 1);
    assert_int_equal(social_pq_result_outcome(&part), SOCIAL_PQ_OK);
    assert_true(social_pq_result_value(&part, 0, 0, &value));
    assert_int_equal(value.len, 2);
    assert_memory_equal(value.data, "11", 2);
    assert_true(social_pq_result_value(&part, 0, 1, &value));
    assert_memory_equal(value.data, "12", 2);

    /* the column behind the last one, and the row of another */

    assert_false(social_pq_result_value(&part, 0, 2, &value));
    assert_int_equal(value.len, 0);
    assert_false(social_pq_result_value(&part, 1, 0, &value));

    social_pq_result_part(&all, 2, 1, &part);
    assert_false(social_pq_result_value(&part, 0, 1, &value));

    social_pq_result_part(&all, 3, 0, &part);
    assert_int_equal(social_pq_result_rows(&part), 0);
    assert_false(social_pq_result_value(&part, 0, 0, &value));

    PQclear(res);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_array),
        cmocka_unit_test(test_array_size),
        cmocka_unit_test(test_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
