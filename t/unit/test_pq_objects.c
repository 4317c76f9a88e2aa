
#include "social_pq_objects.h"
#include "social_unit.h"


static const social_s3_rule_t  rules[] = {
    { social_string("b"), social_string("in/"), social_string("pic"),
      social_string("images") }
};


static void
test_objects(void **state)
{
    size_t                i;
    social_s3_event_t     event;
    social_s3_record_t    records[2];
    social_pq_objects_t   objects;

    static const char *const  expected[] = {
        "{\"b\",\"b\"}", "{\"in/\\\"a\\\\\",\"x\"}", "{\"t\",\"f\"}",
        "{\"9007199254740992\",NULL}", "{\"e\",NULL}", "{\"v\",NULL}",
        "{\"1A\",NULL}", "{\"2026\",NULL}", "{\"pic\",NULL}",
        "{\"images\",NULL}"
    };

    (void) state;

    memset(&event, 0, sizeof(event));
    memset(records, 0, sizeof(records));

    event.records = records;
    event.count = 2;

    records[0].created = true;
    records[0].bucket = S("b");
    records[0].key = S("in/\"a\\");
    records[0].size = 9007199254740992;
    records[0].etag = S("e");
    records[0].version = S("v");
    records[0].sequencer = S("1A");
    records[0].time = S("2026");
    records[1].bucket = S("b");
    records[1].key = S("x");
    records[1].size = -1;

    assert_int_equal(social_pq_objects_create(&event, rules, 1, &objects),
                     SOCIAL_OK);

    for (i = 0; i < SOCIAL_PQ_OBJECTS_PARAMS; i++) {
        assert_str(objects.params[i].value, expected[i]);
        assert_int_equal(objects.params[i].value.data[strlen(expected[i])],
                         '\0');
        assert_false(objects.params[i].null);
    }

    social_pq_objects_free(&objects);
    social_pq_objects_free(&objects);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_objects)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
