-- wrk's script of scripts/bench/hooks: whole requests out of a file, one after
-- the other, by one thread.  "LENGTH\nREQUEST" each.

local requests = {}
local next_one = 0

function init()
    local f = assert(io.open(os.getenv("BENCH_REQUESTS"), "rb"))

    while true do
        local length = f:read("*n")
        if not length then break end
        f:read(1)
        requests[#requests + 1] = f:read(length)
    end

    f:close()
    next_one = 0
end

function request()
    next_one = next_one % #requests + 1
    return requests[next_one]
end

function done(summary, latency)
    local e = summary.errors

    io.write(string.format("wrk %d %d %d %d %d\n", summary.requests,
        summary.duration, latency:percentile(50), latency:percentile(99),
        e.connect + e.read + e.write + e.status + e.timeout))
end
