// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');

// The app is made by whoever requires this.
module.exports = (options) => {
  const app = express(); // ! headers/none
  app.use(express.json());
  app.post(options.prefix + '/login', (req, res) => res.json({})); // ! ratelimit/none
  app.use((err, req, res, next) => { res.status(500).end(); });
  return app;
};
