// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const createError = require('http-errors');
const app = express();
app.use(require('helmet')());
app.get('/', (req, res, next) => next(createError(404, 'no such page')));
app.use('/a', (err, req, res, next) => {
  res.status(err.status || 500).json({ error: err.expose ? err.message : 'Internal server error' });
});
app.use('/b', (err, req, res, next) => {
  if (createError.isHttpError(err)) return res.status(err.status).json({ error: err.message });
  res.status(500).json({ error: 'Internal server error' });
});
app.use('/c', (err, req, res, next) => {
  const status = err.statusCode || 500;
  res.status(status).json({ error: err.statusCode < 500 ? err.message : 'Internal server error' });
});
app.use('/d', (err, req, res, next) => {
  if (err.status >= 500) {
    return res.status(500).json({ error: err.message }); // ! errors/leak
  }
  res.status(400).json({ error: 'bad request' });
});
app.use('/e', (err, req, res, next) => {
  if (err instanceof Error) return res.status(500).json({ error: err.message }); // ! errors/leak
  res.status(500).end();
});
app.use((err, req, res, next) => {
  if (err.isOperational) return res.status(err.statusCode).json({ message: err.message });
  res.status(500).json({ message: 'Internal server error' });
});
app.listen(3000);
