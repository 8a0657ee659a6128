-- wrk: every URL distinct, half with message ids of the sender's; the documented sample page call and a
-- short track call in turn. Arguments after `--`: write key, mark of this run.

local page = "/pixel/v1/page?writeKey=%s&context.library.name=Rudderstack%%20AMP%%20SDK"
  .. "&context.library.version=1.0.0&context.platform=AMP&anonymousId=amp-%d&context.locale=en-US"
  .. "&context.userAgent=Mozilla%%2F5.0&context.page.path=%%2Fblog%%2F%d"
  .. "&context.page.url=https%%3A%%2F%%2Fexample.com%%2Fblog%%2F%d&context.page.referrer="
  .. "&context.page.title=A%%20%%26%%20B&context.screen.width=1920&context.screen.height=1080"
  .. "&properties.path=%%2Fblog%%2F%d&properties.url=https%%3A%%2F%%2Fexample.com%%2Fblog%%2F%d"
  .. "&properties.referrer=&properties.title=A%%20%%26%%20B&name=Blog"
local track = "/pixel/v1/track?writeKey=%s&anonymousId=a%d&event=Order+Completed&properties.order_id=%d"

local threads = 0
local number = 0
local key, mark

function setup(thread)
  threads = threads + 1
  thread:set("thread_number", threads)
end

function init(arguments)
  key = arguments[1]
  mark = arguments[2] .. "-" .. thread_number
end

function request()
  number = number + 1
  local target
  if number % 2 == 0 then
    target = page:format(key, number % 50000, number, number, number, number)
  else
    target = track:format(key, number % 50000, number)
  end
  if number % 4 < 2 then
    target = target .. "&messageId=" .. mark .. "-" .. number
  else
    target = target .. "&properties.mark=" .. mark
  end
  return wrk.format("GET", target)
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"answers": %d, "not_200": %d, "socket_errors": %d, "duration_s": %.3f,'
      .. ' "p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f}\n',
    summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
