// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const crud = (app, name) => {
  app.get('/' + name, (req, res) => res.json([]));
  app.post('/' + name, (req, res) => res.json({}));
  app.delete(`/${name}/:id`, (req, res) => res.end());
};
module.exports = (app) => {
  ['apples', 'pears'].map((n) => crud(app, n));
  if (process.env.NODE_ENV !== 'production') app.get('/debug', (req, res) => res.end());
};
