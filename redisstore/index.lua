-- Copyright The Panoply Authors.
-- SPDX-License-Identifier: Apache-2.0
--
-- What belongs to somebody: a sorted set of names, each with when it ends. It ends with
-- the last of them, and never has more than so many: those that end first go.
--
-- KEYS[1] the set
-- ARGV    shift name ends most
-- Answer  the names that had to go
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2]) + tonumber(ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2])
local gone = {}
local over = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[4])
if over > 0 then
  for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, over)) do
    if name ~= ARGV[2] and #gone < over then
      gone[#gone + 1] = name
      redis.call('ZREM', KEYS[1], name)
    end
  end
end
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(1, math.floor((tonumber(last[2]) - now) / 1000) + 1)))
return gone
