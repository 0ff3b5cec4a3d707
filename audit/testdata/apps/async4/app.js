// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const asyncHandler = require('express-async-handler');
const db = require('./db');
const app = express();
app.use(require('helmet')());
const own = (fn) => (req, res, next) => Promise.resolve(fn(req, res, next)).catch(next);
app.get('/wrapped', asyncHandler(async (req, res) => { res.json(await db.all()); }));
app.get('/own', own(async (req, res) => { res.json(await db.all()); }));
app.get('/caught', async (req, res, next) => {
  try {
    res.json(await db.all());
  } catch (err) {
    next(err);
  }
});
app.get('/promise', async (req, res, next) => {
  const rows = await db.all().catch(next);
  if (rows) res.json(rows);
});
app.get('/nothing', async (req, res) => { res.json({ ok: true }); });
app.get('/inside', async (req, res) => {
  const load = async () => { await db.all(); };
  load().then(() => res.end(), () => res.status(500).end());
});
app.get('/bare', async (req, res) => { // ! errors/unhandled-rejection
  const rows = await db.all();
  res.json(rows);
});
app.get('/second', async (req, res) => res.json(await db.all()));
app.use('/users', require('./routes/users'));
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
