-- wrk's script of scripts/bench/run: the request comes from the environment,
-- so that its bytes are the same for every server, and is made once.
--
--   BENCH_METHOD   GET if it is not there
--   BENCH_HEADERS  a file of "Name: value" lines

wrk.method = os.getenv("BENCH_METHOD") or "GET"

for line in io.lines(os.getenv("BENCH_HEADERS")) do
    local name, value = line:match("^([^:]+):%s*(.*)$")
    wrk.headers[name] = value
end

-- One line, for scripts/bench/run: requests, microseconds, bytes, median and
-- 99th percentile of the latency in microseconds, and what went wrong.

function done(summary, latency)
    local e = summary.errors

    io.write(string.format("wrk %d %d %d %d %d %d\n",
        summary.requests, summary.duration, summary.bytes,
        latency:percentile(50), latency:percentile(99),
        e.connect + e.read + e.write + e.status + e.timeout))
end
