// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const express = require('express');
const app = express();
app.use(require('helmet')());
const db = require('./db');
const ValidationError = require('./problems');
app.get('/a', async (req, res) => {
  try {
    res.json(await db.all());
  } catch (err) {
    res.status(500).json({ error: err.message }); // ! errors/leak
  }
});
app.get('/b', (req, res) => {
  db.query('x', (err, rows) => {
    if (err) return res.status(500).send(err); // ! errors/leak
    res.json(rows);
  });
});
app.get('/c', (req, res) => {
  db.all().then((rows) => res.json(rows)).catch((e) => res.send('failed: ' + e.stack)); // ! errors/leak
});
app.get('/d', async (req, res) => {
  try {
    res.json(await db.all());
  } catch (err) {
    if (err instanceof ValidationError) return res.status(400).json({ error: err.message });
    console.error(err);
    res.status(500).json({ error: 'Internal server error' });
  }
});
app.get('/e', (req, res, next) => {
  db.all().then((rows) => res.json(rows)).catch(next);
});
app.use((err, req, res, next) => {
  const dev = process.env.NODE_ENV !== 'production';
  if (dev) {
    return res.status(500).json({ error: err.message, stack: err.stack });
  }
  res.status(err.status || 500).json({ error: process.env.NODE_ENV === 'production' ? 'Internal server error' : err.message });
});
app.get('/late', (req, res) => res.send('x')); // ! errors/no-handler
app.listen(3000);
