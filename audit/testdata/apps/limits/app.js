// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const express = require('express');
const rateLimit = require('express-rate-limit');
const bcrypt = require('bcrypt');
const { slow } = require('./slow');
const app = express();
app.use(require('helmet')());
const limiter = rateLimit({ windowMs: 15 * 60 * 1000, limit: 5 });
const huge = rateLimit({ windowMs: 15 * 60 * 1000, max: 100000 }); // ! ratelimit/weak
const spoofed = rateLimit({ windowMs: 60000, max: 5, keyGenerator: (req) => req.headers['x-forwarded-for'] }); // ! ratelimit/spoofed-address
const login = async (req, res) => res.json({ ok: await bcrypt.compare(req.body.password, 'x') }); // ! errors/unhandled-rejection
app.post('/login', limiter, login);
app.post('/open/enter', login); // ! ratelimit/none
app.post('/huge/login', huge, login);
app.post('/spoofed/login', spoofed, login);
app.post('/slow/login', slow(5), login);
app.use('/v1', limiter);
app.use('/v1/auth', require('./auth'));
app.use('/v2/auth', require('./auth2'));
app.get('/list', (req, res) => res.json([]));
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
