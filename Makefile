# ngx_social_module: "make run" and "make test" do all the set-up they need.
#
#   make deps      install what Debian has to give (says what, first)
#   make build     the module and the core library, into build/
#   make test      everything that proves it
#   make lint      static checks
#   make migrate   bring the database of PGHOST ... up to date
#
# NGINX_SRC=dir    build against that nginx source tree
# NGINX=binary     test with that nginx
# SANITIZE=1       build and test under ASan and UBSan

.DEFAULT_GOAL := build
.PHONY: deps build test bench lint fuzz clean unit nginx-source valgrind migrate

export NGINX_SRC NGINX SANITIZE NGINX_FLAGS CC

deps:
	scripts/deps

build:
	scripts/build

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

migrate:
	scripts/migrate

clean:
	rm -rf build t/servroot*
