-- Copyright The Panoply Authors.
-- SPDX-License-Identifier: Apache-2.0
--
-- An id that is revoked until some time, in microseconds of this server's clock.
--
-- KEYS[1] until when
-- ARGV    shift, and to revoke it: until
-- Answer  whether it is revoked
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2]) + tonumber(ARGV[1])
local till = tonumber(redis.call('GET', KEYS[1]) or 0)
if ARGV[2] and tonumber(ARGV[2]) > math.max(till, now) then
  till = tonumber(ARGV[2])
  redis.call('SET', KEYS[1], ARGV[2], 'PX', string.format('%.0f', math.floor((till - now) / 1000) + 1))
end
return till > now and 1 or 0
