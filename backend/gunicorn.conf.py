"""gunicorn on a unix socket; the socket's path is given with --bind."""

# each thread has a connection to PostgreSQL: 8 of them

workers = 2
threads = 4
worker_class = "gthread"

timeout = 30
graceful_timeout = 5
keepalive = 30
umask = 0o007

# the gateway has an access log

accesslog = None
errorlog = "-"
loglevel = "info"
worker_tmp_dir = "/dev/shm"
wsgi_app = "social_backend:create_app()"
