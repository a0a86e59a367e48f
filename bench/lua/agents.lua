-- One path, from the same different User-Agents as zipf.lua, in order. Arguments: path M.
local heads, path, agents, at = {}, "/o/1", 1000, 0

function init(args)
  path = args[1] or path
  agents = tonumber(args[2]) or agents
  local host = wrk.host .. ":" .. wrk.port
  for number = 1, agents do
    heads[number] = " HTTP/1.1\r\nHost: " .. host .. "\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; viewer "
      .. number .. ") Gecko/20100101\r\nAccept: */*\r\n\r\n"
  end
end

function request()
  at = at % agents + 1
  return "GET " .. path .. heads[at]
end
