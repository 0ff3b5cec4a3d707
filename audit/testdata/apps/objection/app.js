// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import express from 'express';
import helmet from 'helmet';
import knexLib from 'knex';
import { Model } from 'objection';

Model.knex(knexLib({ client: 'pg' }));
class User extends Model {
  static get tableName() { return 'users'; }
}
class Note extends Model {
  static tableName = 'notes';
}
const app = express();
app.use(helmet());
app.use(express.json());
app.post('/users', async (req, res) => {
  const user = await User.query().insert(req.body); // ! validate/mass-assignment
  res.json(user); // ! nosql/document-sent
});
app.patch('/users/:id', async (req, res) => {
  const user = await User.query().patchAndFetchById(req.params.id, req.body); // ! validate/mass-assignment
  res.json({ id: user.id });
});
app.get('/users/:id', async (req, res) => res.json(await User.query().findById(req.params.id))); // ! nosql/document-sent
app.get('/users', async (req, res) => res.json(await User.query().select('id', 'name')));
app.post('/notes', async (req, res) => {
  const { text } = req.body;
  res.json(await Note.query().insert({ text }));
});
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
