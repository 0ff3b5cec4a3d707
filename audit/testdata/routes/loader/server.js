// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const express = require('express');
const fs = require('fs');
const path = require('path');
const app = express();
fs.readdirSync(path.join(__dirname, 'routes'))
  .filter((f) => f.endsWith('.js'))
  .forEach((file) => {
    const name = file.split('.').slice(0, -1).join('.');
    app.use('/api/' + name, require(path.join(__dirname, 'routes', file)));
  });
for (const kind of ['cats', 'dogs']) {
  app.get(`/${kind}/:id`, (req, res) => res.json({ kind }));
}
const table = { '/health': ['get', (req, res) => res.end()], '/echo': ['post', (req, res) => res.end()] };
Object.entries(table).forEach(([p, [verb, handler]]) => app[verb](p, handler));
app.listen(process.env.PORT || 3000);
