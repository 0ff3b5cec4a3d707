// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import type { RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import Redis from 'ioredis';
export const general = rateLimit({ windowMs: 15 * 60 * 1000, limit: 3000 });
export const logins = rateLimit({ windowMs: 15 * 60 * 1000, limit: 5, skipSuccessfulRequests: true });
const shared = new RateLimiterRedis({ storeClient: new Redis(), points: 5, duration: 900 });
export const distributed: RequestHandler = async (req, res, next) => {
  try {
    await shared.consume(req.ip ?? '');
    next();
  } catch {
    res.status(429).json({ error: 'Too many login attempts. Try again in 15 minutes.' });
  }
};
export const perMinute = (n: number): RequestHandler => {
  const redis = new Redis();
  return async (req, res, next) => {
    const key = `hits:${req.ip}`;
    const hits = await redis.incr(key).catch(() => 0);
    if (hits > n) res.sendStatus(429);
    else next();
  };
};
