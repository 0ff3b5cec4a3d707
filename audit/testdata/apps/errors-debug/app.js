// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const errorhandler = require('errorhandler');
const config = require('./config');
const debug = config.get('debug');
const app = express();
app.use(require('helmet')());
// Only while somebody looks for a fault: so it is no error handler of production.
if (debug) {
  app.use(errorhandler());
}
if (config.debugMode) {
  app.use(errorhandler());
}
if (process.env.DEBUG) app.use(errorhandler());
if (config.get('debug')) app.use(errorhandler());
if (!debug) {
  app.use('/a', errorhandler()); // ! errors/leak
}
if (config.verbose) {
  app.use('/b', errorhandler()); // ! errors/leak
}
app.get('/', (req, res) => res.send('x'));
app.use((err, req, res, next) => {
  res.status(500).json({ error: 'Internal server error' });
});
app.listen(3000);
