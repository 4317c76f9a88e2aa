# build/libsocial.a: core, net and pq, compiled strictly and without nginx, for
# the unit tests, the fuzzers and the worker.  Called by scripts/build.

folders := $(shell scripts/folders list core net pq)
srcs := $(foreach folder,$(folders),$(wildcard ngx_social_module/$(folder)/*.c))
objs := $(patsubst ngx_social_module/%.c,$(OUT)/obj/%.o,$(srcs))

# what a folder may include, and nothing else

$(foreach folder,$(folders),\
    $(eval includes/$(folder) := $(shell scripts/folders -I below $(folder))))

$(OUT)/libsocial.a: $(objs)
	@rm -f $@
	@ar rcs $@ $^

$(OUT)/obj/%.o: ngx_social_module/%.c $(OUT)/obj/flags
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(CFLAGS) $(includes/$(patsubst %/,%,$(dir $*))) \
	    -isystem /usr/include/postgresql -MMD -MP -c -o $@ $<

# everything is compiled again when the flags have changed

$(OUT)/obj/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS)' | cmp -s - $@ || echo '$(CC) $(CFLAGS)' > $@

.PHONY: FORCE
FORCE:

-include $(objs:.o=.d)
