# ngx_social_module: "make run" and "make test" do all the set-up they need.
#
#   make run       all of it, on http://localhost:8080/ (PORT=, BIND=)
#   make deps      install what Debian and npm have to give (says what, first)
#   make build     the module and the core library, into build/
#   make test      everything that proves it
#   make lint      static checks
#
# NGINX_SRC=dir    build against that nginx source tree
# NGINX=binary     test with that nginx
# SANITIZE=1       build and test under ASan and UBSan

.DEFAULT_GOAL := build
.PHONY: run deps build frontend clean-data test bench lint fuzz clean unit
.PHONY: nginx-source valgrind

export NGINX_SRC NGINX SANITIZE NGINX_FLAGS CC

run: deps
	@scripts/build && scripts/frontend && exec scripts/run

deps:
	scripts/deps
	scripts/deps-npm

build:
	scripts/build

frontend: deps
	scripts/frontend

unit: build
	scripts/unit

test: deps
	scripts/test

valgrind: deps
	VALGRIND=1 scripts/test

nginx-source: deps
	scripts/nginx-source

bench: build
	scripts/bench/run

lint: build
	scripts/lint

fuzz:
	scripts/fuzz

clean:
	rm -rf build t/servroot* t/e2e/node_modules idp/node_modules \
	    frontend/node_modules

# the data of "make run"

clean-data:
	rm -rf var
	[ "$$(id -u)" != 0 ] || rm -rf /var/lib/ngx_social_module
