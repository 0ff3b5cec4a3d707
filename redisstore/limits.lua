-- Copyright The Panoply Authors.
-- SPDX-License-Identifier: Apache-2.0
--
-- One decision about one key. Times are microseconds of this server's clock,
-- which a double holds exactly. Nothing here relies on a key's expiry, which
-- only gives memory back.
--
-- KEYS[1] what the key has done   KEYS[2] until when it is blocked
-- ARGV    op algorithm limit window burst interval block maxblock cost stamp shift
-- Answer  allowed remaining reset retry stamp blocked
local op, algorithm = ARGV[1], ARGV[2]
local limit, window, burst, interval = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local first, most, cost, stamp = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2]) + tonumber(ARGV[11])
local max, min, floor = math.max, math.min, math.floor

local function whole(n) return string.format('%.0f', n) end
local function ttl(age) return whole(floor(age / 1000) + 1) end

local till, strikes, forget = 0, 0, 0
local jail = redis.call('GET', KEYS[2])
if jail then
  local a, b, c = string.match(jail, '^(%d+) (%d+) (%d+)$')
  till, strikes, forget = tonumber(a), tonumber(b), tonumber(c)
end

-- lock blocks the key for d, or as a strike for longer each time.
local function lock(d, top, strike)
  if forget <= now then strikes = 0 end
  for _ = 1, strikes do
    if d >= top then break end
    d = d * 2
  end
  d = max(1, min(d, top))
  if strike then strikes = strikes + 1 end
  till, forget = now + d, now + d + max(d, top)
  redis.call('SET', KEYS[2], whole(till) .. ' ' .. whole(strikes) .. ' ' .. whole(forget), 'PX', ttl(forget - now))
end

local function blocked()
  return {0, 0, till - now, till - now, 0, 1}
end

if op == 'block' then
  lock(first, first, false)
  return blocked()
end
if op == 'take' and till > now then return blocked() end

-- Each algorithm says: allowed, remaining, reset, retry, stamp.
local count = {}

-- The exact sliding window: a list of the times of the attempts, oldest first,
-- never longer than the limit.
function count.sliding()
  local key = KEYS[1]
  local n = redis.call('LLEN', key)
  local function at(i) return tonumber(redis.call('LINDEX', key, i)) end
  if n > 0 then
    now = max(now, at(-1))
    if at(0) + window <= now then
      local lo, hi = 0, n
      while lo < hi do
        local mid = floor((lo + hi) / 2)
        if at(mid) + window <= now then lo = mid + 1 else hi = mid end
      end
      redis.call('LTRIM', key, lo, -1)
      n = n - lo
    end
  end
  if op == 'take' then
    local over = n + cost - limit
    if cost > limit then return false, limit - n, window, window, 0 end
    if over > 0 then return false, limit - n, at(0) + window - now, at(over - 1) + window - now, 0 end
    local left = cost
    while left > 0 do -- as many as the stack takes
      local many = {}
      for i = 1, min(left, 1000) do many[i] = whole(now) end
      redis.call('RPUSH', key, unpack(many))
      left = left - #many
    end
    redis.call('PEXPIRE', key, ttl(window))
    return true, limit - n - cost, at(0) + window - now, 0, now
  end
  if cost > 0 then n = n - redis.call('LREM', key, cost, whole(stamp)) end
  local reset, retry = window, 0
  if n > 0 then reset = at(0) + window - now end
  if n >= limit then retry = reset end
  return n < limit, limit - n, reset, retry, 0
end

-- The generic cell rate algorithm: when all attempts so far are paid for, and
-- when that was last written.
function count.gcra()
  local arrival, last = 0, 0
  local state = redis.call('GET', KEYS[1])
  if state then
    local a, b = string.match(state, '^(%d+) (%d+)$')
    arrival, last = tonumber(a), tonumber(b)
  end
  now = max(now, last)
  local function save()
    redis.call('SET', KEYS[1], whole(arrival) .. ' ' .. whole(now), 'PX', ttl(max(0, arrival - now)))
  end
  local function left(debt) return max(0, floor((burst * interval - debt) / interval)) end
  local debt = max(0, arrival - now)
  if op == 'take' then
    local wait = debt + cost * interval - burst * interval
    if cost > burst then return false, left(debt), window, window, 0 end
    if wait > 0 then return false, left(debt), wait, wait, 0 end
    arrival = now + debt + cost * interval
    save()
    return true, left(arrival - now), arrival - now, 0, arrival
  end
  local credit = min(stamp - now, cost * interval, debt)
  if credit > 0 then
    arrival, debt = arrival - credit, debt - credit
    save()
  end
  local reset, retry = debt, 0
  if debt == 0 then reset = window end
  if left(debt) == 0 then retry = debt + interval - burst * interval end
  return left(debt) > 0, left(debt), reset, retry, 0
end

-- The fixed window: when it began and how many attempts it holds.
function count.fixed()
  local begun, n = 0, 0
  local state = redis.call('GET', KEYS[1])
  if state then
    local a, b = string.match(state, '^(%d+) (%d+)$')
    begun, n = tonumber(a), tonumber(b)
  end
  now = max(now, begun)
  if n == 0 or now - begun >= window then begun, n = now, 0 end
  local function save()
    redis.call('SET', KEYS[1], whole(begun) .. ' ' .. whole(n), 'PX', ttl(begun + window - now))
  end
  local wait = begun + window - now
  if op == 'take' then
    if n + cost > limit then return false, limit - n, wait, wait, 0 end
    n = n + cost
    save()
    return true, limit - n, wait, 0, begun
  end
  if cost > 0 and n > 0 and begun == stamp then
    n = max(0, n - cost)
    if n > 0 then save() else redis.call('DEL', KEYS[1]) end
  end
  local retry = 0
  if n >= limit then retry = wait end
  return n < limit, limit - n, wait, retry, 0
end

local allowed, remaining, reset, retry, mark = count[algorithm]()
if op ~= 'take' and till > now then return blocked() end
if op == 'take' and not allowed and first > 0 then
  lock(first, most, true)
  if till - now > retry then return blocked() end
end
return {allowed and 1 or 0, remaining, reset, retry, mark, 0}
