-- Copyright The Panoply Authors.
-- SPDX-License-Identifier: Apache-2.0
--
-- A session. Times are microseconds of this server's clock. What has expired is not
-- there, whether or not the server has forgotten it.
--
-- KEYS[1] the record, a hash: u(ser) d(ata) c(reated) s(een) e(xpires) v(ersion)
-- ARGV    op shift, and for commit: user data created seen expires version
--                   for delete-of: user
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2]) + tonumber(ARGV[2])
local r = redis.call('HMGET', KEYS[1], 'u', 'd', 'c', 's', 'e', 'v')
local there = r[5] and tonumber(r[5]) > now
local op = ARGV[1]

if op == 'find' then
  if there then return r end
  return false
elseif op == 'commit' then
  local version = tonumber(ARGV[8])
  if there and version ~= tonumber(r[6]) + 1 or not there and version ~= 1 then return 0 end
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'u', ARGV[3], 'd', ARGV[4], 'c', ARGV[5], 's', ARGV[6], 'e', ARGV[7], 'v', ARGV[8])
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(1, math.floor((tonumber(ARGV[7]) - now) / 1000) + 1)))
  return 1
elseif op == 'delete' then
  redis.call('DEL', KEYS[1])
  return there and 1 or 0
end
-- delete-of: if it is still the user's
if there and r[1] == ARGV[3] then
  redis.call('DEL', KEYS[1])
  return 1
end
return 0
