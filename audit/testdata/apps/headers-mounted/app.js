// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');

function connect(config, done) {
  if (!config.database) return done(new Error('no database'));
  require('./database')(config.database, done);
}

function server(config) {
  const app = express();
  app.get('/', (req, res) => res.send(config.title)); // ! errors/no-handler
  return app;
}

function init(config, done) {
  connect(config, (err) => (err ? done(err) : done(null, server(config))));
}

// The inner app answers through the outer one only, so it is the outer one that is
// told of.
module.exports = (config) => {
  const handle = express(); // ! headers/none
  init(config, (err, app) => {
    if (err) process.exit(1);
    handle.use(app);
  });
  return handle;
};
