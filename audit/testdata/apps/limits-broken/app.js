// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const rateLimit = require('express-rate-limit');
const { RateLimiterMemory } = require('rate-limiter-flexible');
const { v4 } = require('uuid');
const app = express();
app.use(require('helmet')());
app.set('trust proxy', true); // ! ratelimit/spoofed-address
const ok = (req, res) => res.json({});
app.post('/a/login', rateLimit({ windowMs: 60 * 1000, max: 1000 }), ok); // ! ratelimit/weak
app.post('/b/login', rateLimit({ windowMs: 15 * 60, max: 5 }), ok); // ! ratelimit/weak
app.post('/c/login', rateLimit({ windowMs: 15 * 60 * 1000, max: 0 }), ok); // ! ratelimit/weak
app.post('/d/login', rateLimit({ windowMs: 15 * 60 * 1000, max: 5, skipFailedRequests: true }), ok); // ! ratelimit/weak
app.post('/e/login', rateLimit({ windowMs: 15 * 60 * 1000, max: 5, skip: () => true }), ok); // ! ratelimit/weak
app.post('/f/login', rateLimit({ windowMs: 15 * 60 * 1000, max: 5, keyGenerator: (req) => req.get('X-Real-IP') }), ok); // ! ratelimit/spoofed-address
app.post('/g/login', rateLimit({ windowMs: 15 * 60 * 1000, max: 5, keyGenerator: () => v4() + Date.now() }), ok); // ! ratelimit/weak
app.post('/h/login', rateLimit({ windowMs: 15 * 60 * 1000, max: process.env.LIMIT || 5000 }), ok); // ! ratelimit/weak
app.post('/i/login', ok, rateLimit({ windowMs: 15 * 60 * 1000, max: 5 })); // ! ratelimit/weak
app.post('/j/login', (req, res, next) => {
  rateLimit({ windowMs: 15 * 60 * 1000, max: 5 })(req, res, next); // ! ratelimit/weak
}, ok);
app.post('/k/login', require('./own'), ok);
const flexible = new RateLimiterMemory({ points: 100000, duration: 1 }); // ! ratelimit/weak
app.post('/l/login', async (req, res) => {
  try {
    await flexible.consume(req.ip);
    res.json({});
  } catch (e) {
    res.sendStatus(429);
  }
});
app.post('/m/login', rateLimit({ windowMs: 15 * 60 * 1000, max: 5, keyGenerator: (req) => req.ip, skip: (req) => req.ip === '127.0.0.1' }), ok);
app.post('/n/login', rateLimit({ windowMs: 24 * 60 * 60 * 1000, max: 1000 }), ok);
app.post('/o/login', rateLimit({ max: 5 }), ok);
if (process.env.NODE_ENV === 'development') {
  app.use('/p', rateLimit({ windowMs: 15 * 60 * 1000, max: 5 }));
}
app.post('/p/login', ok); // ! ratelimit/none
app.post('/q/login', ok); // ! ratelimit/none
app.use('/q', rateLimit({ windowMs: 15 * 60 * 1000, max: 5 }));
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
