# build/libsocial.a: core and net, compiled strictly and without nginx, for
# the unit tests, the fuzzers and the worker.  Called by scripts/build.

srcs := $(wildcard ngx_social_module/core/*.c ngx_social_module/net/*.c \
    ngx_social_module/pq/*.c)
objs := $(patsubst ngx_social_module/%.c,$(OUT)/obj/%.o,$(srcs))

$(OUT)/libsocial.a: $(objs)
	@rm -f $@
	@ar rcs $@ $^

$(OUT)/obj/%.o: ngx_social_module/%.c $(OUT)/obj/flags
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(CFLAGS) -Ingx_social_module/core -Ingx_social_module/net \
	    -Ingx_social_module/pq -isystem /usr/include/postgresql \
	    -MMD -MP -c -o $@ $<

# everything is compiled anew when the flags are others

$(OUT)/obj/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS)' | cmp -s - $@ || echo '$(CC) $(CFLAGS)' > $@

.PHONY: FORCE
FORCE:

-include $(objs:.o=.d)
