// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const errorhandler = require('errorhandler');
const { env, isProduction, isDev } = require('./config');
const app = express();
app.use(require('helmet')());
app.use('/a', (err, req, res, next) => {
  res.status(500).json({ error: 'Internal server error', ...(process.env.NODE_ENV === 'development' && { stack: err.stack }) });
});
app.use('/b', (err, req, res, next) => {
  res.status(500).json({ error: 'Internal server error', stack: process.env.NODE_ENV === 'production' ? undefined : err.stack });
});
app.use('/c', (err, req, res, next) => {
  res.status(500).json({ error: 'Internal server error', ...(isDev() ? { message: err.message, stack: err.stack } : {}) });
});
app.use('/d', (err, req, res, next) => {
  res.status(500).json({ error: 'Internal server error', ...(isProduction ? null : { detail: err }) });
});
app.use('/e', (err, req, res, next) => {
  const body = { error: 'Internal server error' };
  if (env === 'development') body.stack = err.stack;
  res.status(500).json(body);
});
app.use('/f', (err, req, res, next) => {
  if (isProduction) return res.status(500).json({ error: 'Internal server error' });
  res.status(500).json({ error: err.message, stack: err.stack });
});
app.use('/g', (err, req, res, next) => {
  const send = isProduction ? { error: 'Internal server error' } : { error: err.message };
  res.status(500).json(send);
});
app.use('/h', (err, req, res, next) => {
  res.status(500).json({ error: err.message, ...(isDev() && { stack: err.stack }) }); // ! errors/leak
});
app.use('/i', (err, req, res, next) => {
  res.status(500).json({ error: 'Internal server error', ...(process.env.DEBUG && { stack: err.stack }) }); // ! errors/leak
});
app.use('/j', (err, req, res, next) => {
  res.status(500).send(isProduction ? err.message : err.stack); // ! errors/leak
});
app.use('/k', (err, req, res, next) => {
  const message = !isProduction && err.message;
  res.status(500).json({ error: message || 'Internal server error' });
});
app.use('/l', (err, req, res, next) => {
  const status = err.status ?? 500;
  res.status(status).json({ error: status >= 500 ? 'Internal server error' : err.message });
});
app.use('/m', (err, req, res, next) => {
  res.status(err.status || 500).json({ error: err.status ? err.message : 'Internal server error' });
});
app.use('/n', (err, req, res, next) => {
  if ([400, 404, 422].includes(err.status)) return res.status(err.status).json({ error: err.message });
  res.status(500).json({ error: 'Internal server error' });
});
app.use('/o', (err, req, res, next) => {
  if (err.status && err.status < 500) return res.status(err.status).json({ error: err.message });
  res.status(500).json({ error: 'Internal server error' });
});
if (app.get('env') === 'development') {
  app.use(errorhandler());
}
app.use('/p', errorhandler()); // ! errors/leak
app.use((err, req, res, next) => {
  res.status(500).json({ error: 'Internal server error' });
});
app.listen(3000);
