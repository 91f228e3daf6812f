-- What wrk sends. The first argument says which kind of load:
--   receipt TOKEN FUND PREFIX DAY AGREEMENT...         single receipts, each with a key of its own
--   batch   TOKEN FUND PREFIX DAY SIZE AGREEMENT...    the same, SIZE of them in a request
--   lines   FILE           each line once: TOKEN, path, key, signature or nothing, body (tabs)
--   read    TOKEN PATH...                              the paths in turn

local make, number = nil, 0
local json = "application/json"

local function receipt(agreement, name, day)
  return string.format('{"agreement_id":"%s","amount":{"amount":"0.01","currency":"EUR"},' ..
    '"bank_account":"BANK-EUR","bank_reference":"%s","value_date":"%s"}', agreement, name, day)
end

local function slice(list, from)
  local part = {}
  for position = from, #list do part[#part + 1] = list[position] end
  return part
end

local kinds = {}

function kinds.receipt(arguments)
  local token, fund, prefix, day = arguments[2], arguments[3], arguments[4], arguments[5]
  local agreements = slice(arguments, 6)
  local path = "/v1/funds/" .. fund .. "/receipts"
  local headers = { ["Content-Type"] = json, ["Authorization"] = "Bearer " .. token }
  return function()
    local name = prefix .. "-" .. number
    headers["Idempotency-Key"] = name
    local agreement = agreements[number % #agreements + 1]
    return wrk.format("POST", path, headers, receipt(agreement, name, day))
  end
end

function kinds.batch(arguments)
  local token, fund, prefix, day = arguments[2], arguments[3], arguments[4], arguments[5]
  local size, agreements = tonumber(arguments[6]), slice(arguments, 7)
  local path = "/v1/funds/" .. fund .. "/batches?mode=atomic"
  local headers = {
    ["Content-Type"] = "application/x-ndjson", ["Authorization"] = "Bearer " .. token }
  return function()
    local lines = {}
    for item = 1, size do
      local name = prefix .. "-" .. number .. "-" .. item
      local agreement = agreements[item % #agreements + 1]
      lines[item] = '{"op":"receipt.booked","key":"' .. name .. '","data":' ..
        receipt(agreement, name, day) .. "}\n"
    end
    return wrk.format("POST", path, headers, table.concat(lines))
  end
end

function kinds.lines(arguments)
  local file = io.open(arguments[2])
  return function()
    local line = file:read("*l")
    if line == nil then
      wrk.thread:stop()
      return wrk.format("GET", "/livez")
    end
    local token, path, key, signature, body =
      line:match("([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)")
    local headers = { ["Content-Type"] = json, ["Idempotency-Key"] = key,
      ["Authorization"] = "Bearer " .. token }
    if signature ~= "" then headers["X-JWS-Signature"] = signature end
    return wrk.format("POST", path, headers, body)
  end
end

function kinds.read(arguments)
  local paths = slice(arguments, 3)
  local headers = { ["Authorization"] = "Bearer " .. arguments[2] }
  return function()
    return wrk.format("GET", paths[number % #paths + 1], headers)
  end
end

function init(arguments)
  make = kinds[arguments[1]](arguments)
end

function request()
  number = number + 1
  return make()
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,' ..
    '"max_ms":%.3f,"refused":%d,"broken":%d}\n', summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
