// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// An app on Express 5 that answers with the JSON it is given; with "suit", behind the
// middleware that guides to a safe Express app name. It prints its address when it listens.
'use strict';
const express = require('express');

const answer = JSON.parse(process.env.PANOPLY_BENCH_ANSWER);
const suit = process.argv[2] === 'suit';
const app = express();

let valid = (req, res, next) => next();
if (suit) {
  const helmet = require('helmet');
  const { rateLimit } = require('express-rate-limit');
  app.use(helmet());
  app.use(rateLimit({ windowMs: 1000, limit: 1_000_000, standardHeaders: 'draft-8', legacyHeaders: false })); // for there is one client
}
app.use(express.json({ limit: '1mb' }));
if (suit) {
  const { z } = require('zod');
  app.use(sanitize);
  const order = z.object({
    customer: z.string().min(1).max(100),
    email: z.email(),
    note: z.string().max(1000).optional(),
    items: z.array(z.object({
      sku: z.string().max(64).optional(),
      quantity: z.int().min(1).optional(),
      price: z.number().min(0).optional(),
    })).max(100),
  });
  valid = (req, res, next) => {
    const { success, data } = order.safeParse(req.body);
    if (!success) return res.status(422).json({ error: 'invalid' });
    req.body = data;
    next();
  };
}

app.get('/item', (req, res) => res.json(answer));
app.post('/items', valid, (req, res) => res.json(answer));

app.listen(Number(process.env.PORT), '127.0.0.1');

// sanitize takes out the keys that express-mongo-sanitize would: with a $ in front or a
// dot within. That package itself writes to req.query, which Express 5 does not allow.
function sanitize(req, res, next) {
  for (const part of [req.body, req.params, req.query]) clean(part);
  next();
}

function clean(value) {
  if (value === null || typeof value !== 'object') return;
  for (const key of Object.keys(value)) {
    if (key.startsWith('$') || key.includes('.')) delete value[key];
    else clean(value[key]);
  }
}
