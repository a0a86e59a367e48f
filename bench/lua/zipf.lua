-- Requests for /o/1 ... /o/N by Zipf's law with exponent S, from M different User-Agents. Arguments: N S M seed.
local heads, sums, total, count, agents = {}, {}, 0, 10000, 1000

function init(args)
  count = tonumber(args[1]) or 10000
  local exponent = tonumber(args[2]) or 0.9
  agents = tonumber(args[3]) or 1000
  math.randomseed(tonumber(args[4]) or 1)
  for rank = 1, count do
    total = total + 1 / rank ^ exponent
    sums[rank] = total
  end
  local host = wrk.host .. ":" .. wrk.port
  for number = 1, agents do
    heads[number] = " HTTP/1.1\r\nHost: " .. host .. "\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; viewer "
      .. number .. ") Gecko/20100101\r\nAccept: */*\r\n\r\n"
  end
end

function request()
  local drawn, low, high = math.random() * total, 1, count
  while low < high do
    local middle = math.floor((low + high) / 2)
    if sums[middle] < drawn then low = middle + 1 else high = middle end
  end
  return "GET /o/" .. low .. heads[math.random(agents)]
end
