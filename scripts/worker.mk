# build/social-worker, over build/libsocial.a.  Called by scripts/build when
# what it needs is installed.

packages := vips libconfuse libpq libcurl libseccomp

srcs := $(wildcard ngx_social_module/worker/*.c)
objs := $(patsubst ngx_social_module/%.c,$(OUT)/obj/%.o,$(srcs))

below := $(shell scripts/folders -I below worker)

# -isystem: warnings do not apply to headers of libraries

includes := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(packages)))
libs := $(shell pkg-config --libs $(packages)) -lcrypto -lpthread -lm

$(OUT)/social-worker: $(objs) $(OUT)/libsocial.a
	@echo "  LD $@"
	@$(CC) $(CFLAGS) -o $@ $(objs) $(OUT)/libsocial.a $(LDFLAGS) -pie $(libs)

# the number of the newest migration, as a decimal number

migrations := $(sort $(wildcard conf/sql/[0-9]*.sql))
newest := $(firstword $(subst _, ,$(notdir $(lastword $(migrations)))))
newest := $(shell echo $(newest) | sed 's/^0*//')

$(OUT)/obj/worker/social_worker_schema.o: $(migrations)
$(OUT)/obj/worker/social_worker_schema.o: \
    below += -DSOCIAL_WORKER_SCHEMA_NEWEST=$(newest)

$(OUT)/obj/worker/%.o: ngx_social_module/worker/%.c $(OUT)/obj/flags
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(CFLAGS) $(below) $(includes) -MMD -MP -c -o $@ $<

-include $(objs:.o=.d)
