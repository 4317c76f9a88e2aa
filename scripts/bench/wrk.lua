-- wrk's script of scripts/bench: the requests come from the environment, so
-- that their bytes are the same for every server, and are made once.
--
--   BENCH_METHOD       GET if it is not there
--   BENCH_HEADERS      a file of "Name: value" lines
--   BENCH_TOKENS_FILE  a file of tokens, one a line
--   BENCH_TOKENS       so many of them are sent, in turn; 0 is none at all
--
-- The turn is of a thread: of a connection where each has its own.

local requests = {}
local many = tonumber(os.getenv("BENCH_TOKENS") or "0")
local next_one = 0

function init()
    local head = { (os.getenv("BENCH_METHOD") or "GET") .. " " .. wrk.path
                   .. " HTTP/1.1\r\n" }

    for line in io.lines(os.getenv("BENCH_HEADERS")) do
        head[#head + 1] = line .. "\r\n"
    end

    head = table.concat(head)

    if many == 0 then
        requests[1] = head .. "\r\n"
        return
    end

    for token in io.lines(os.getenv("BENCH_TOKENS_FILE")) do
        requests[#requests + 1] = head .. "Authorization: Bearer " .. token
                                  .. "\r\n\r\n"
        if #requests == many then return end
    end

    error("there are only " .. #requests .. " tokens")
end

-- One request only is asked for once, and kept by wrk itself.

function wrk.format()
    return requests[1]
end

if many > 1 then
    function request()
        next_one = next_one % many + 1
        return requests[next_one]
    end
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
