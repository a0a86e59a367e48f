-- GET PREFIX1, PREFIX2, ... in order, each once in a round of N. Arguments: PREFIX N.
local prefix, count, at = "/o/", 10000, 0

function init(args)
  prefix = args[1] or prefix
  count = tonumber(args[2]) or count
end

function request()
  at = at % count + 1
  return wrk.format("GET", prefix .. at)
end
