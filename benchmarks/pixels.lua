-- wrk: every URL distinct; the documented sample page call and a short track call in turn.
-- Arguments after `--`: write key, mark of this run, `half` or `all` with message ids of the sender's, and how
-- many requests a second (0: the next one as soon as a connection has its answer).

local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } moment_t;
  int clock_gettime(int clock, moment_t *moment);
]]

local page = "/pixel/v1/page?writeKey=%s&context.library.name=Rudderstack%%20AMP%%20SDK"
  .. "&context.library.version=1.0.0&context.platform=AMP&anonymousId=amp-%d&context.locale=en-US"
  .. "&context.userAgent=Mozilla%%2F5.0&context.page.path=%%2Fblog%%2F%d"
  .. "&context.page.url=https%%3A%%2F%%2Fexample.com%%2Fblog%%2F%d&context.page.referrer="
  .. "&context.page.title=A%%20%%26%%20B&context.screen.width=1920&context.screen.height=1080"
  .. "&properties.path=%%2Fblog%%2F%d&properties.url=https%%3A%%2F%%2Fexample.com%%2Fblog%%2F%d"
  .. "&properties.referrer=&properties.title=A%%20%%26%%20B&name=Blog"
local track = "/pixel/v1/track?writeKey=%s&anonymousId=a%d&event=Order+Completed&properties.order_id=%d"

local LATE_S = 0.002  -- wrk's timers tick once a millisecond
local MONOTONIC = 1

local threads = {}
local number = 0
local key, mark, all_have_ids
late = 0  -- global, for `done` to read

function setup(thread)
  table.insert(threads, thread)
  thread:set("thread_number", #threads)
end

function init(arguments)
  key = arguments[1]
  mark = arguments[2] .. "-" .. thread_number
  all_have_ids = arguments[3] == "all"
  local rate = tonumber(arguments[4])
  if rate > 0 then
    pace(rate)
  end
end

-- Gives each request its time, whichever connection is free then: so many a second, also after a stall.
function pace(rate)
  local moment = ffi.new("moment_t")
  local first_s
  local given = 0
  function delay()
    ffi.C.clock_gettime(MONOTONIC, moment)
    local now_s = tonumber(moment.seconds) + tonumber(moment.nanoseconds) / 1e9
    first_s = first_s or now_s
    local wait_s = first_s + given / rate - now_s
    given = given + 1
    if wait_s < -LATE_S then
      late = late + 1
    end
    return math.max(wait_s, 0) * 1e3
  end
end

function request()
  number = number + 1
  local target
  if number % 2 == 0 then
    target = page:format(key, number % 50000, number, number, number, number)
  else
    target = track:format(key, number % 50000, number)
  end
  if all_have_ids or number % 4 < 2 then
    target = target .. "&messageId=" .. mark .. "-" .. number
  else
    target = target .. "&properties.mark=" .. mark
  end
  return wrk.format("GET", target)
end

function done(summary, latency, _)
  local errors = summary.errors
  local late_all = 0
  for _, thread in ipairs(threads) do
    late_all = late_all + thread:get("late")
  end
  io.write(string.format(
    'RESULT {"answers": %d, "not_200": %d, "socket_errors": %d, "late": %d, "duration_s": %.3f,'
      .. ' "p50_ms": %.3f, "p99_ms": %.3f, "p999_ms": %.3f, "max_ms": %.3f}\n',
    summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout, late_all,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    latency:percentile(99.9) / 1e3, latency.max / 1e3))
end
