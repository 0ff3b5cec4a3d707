// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const express = require('express');
const createRouter = require('./router');
function build(config) {
  const app = express();
  const prefix = (config && config.prefix) || '/api';
  app.use(prefix, createRouter({ auth: (req, res, next) => next() }));
  require('./more')(app);
  const admin = express();
  admin.get('/stats', (req, res) => res.end());
  app.use('/admin', admin);
  return app;
}
const app = build();
if (require.main === module || true) app.listen(3000);
module.exports = app;
