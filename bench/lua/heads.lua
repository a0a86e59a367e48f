-- One path, with a head never seen before each time. Argument: path.
local path, at, start = "/1k", 0, ""

function init(args)
  path = args[1] or path
  start = "GET " .. path .. " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port .. "\r\nX-Request-Number: "
  math.randomseed(os.time())
  at = math.random(1, 1000) * 1000000
end

function request()
  at = at + 1
  return start .. at .. "\r\n\r\n"
end
