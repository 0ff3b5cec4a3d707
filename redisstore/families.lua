-- Copyright The Panoply Authors.
-- SPDX-License-Identifier: Apache-2.0
--
-- A family of refresh tokens. Times are microseconds of this server's clock.
--
-- KEYS[1] the family, a hash: s(ubject) c(urrent) x (expires) n (ends)
-- ARGV    op shift, and for create and swap: subject current expires ends [from]
--                   for delete-of: subject
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2]) + tonumber(ARGV[2])
local r = redis.call('HMGET', KEYS[1], 's', 'c', 'x', 'n')
local there = r[3] and tonumber(r[3]) > now
local op = ARGV[1]

local function put()
  redis.call('HSET', KEYS[1], 's', ARGV[3], 'c', ARGV[4], 'x', ARGV[5], 'n', ARGV[6])
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(1, math.floor((tonumber(ARGV[5]) - now) / 1000) + 1)))
end

if op == 'find' then
  if there then return r end
  return false
elseif op == 'create' then
  put()
  return 1
elseif op == 'swap' then
  if not there or r[2] ~= ARGV[7] then return 0 end
  put()
  return 1
end
if there and r[1] == ARGV[3] then
  redis.call('DEL', KEYS[1])
  return 1
end
return 0
