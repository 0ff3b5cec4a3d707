// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const express = require('express');
const db = require('./db');
const users = require('./services/users');
const app = express();
app.use(require('helmet')());
app.use(express.json());
app.get('/users', async (req, res) => res.json(await users.all())); // ! nosql/document-sent
app.get('/users/names', async (req, res) => res.json(await users.names()));
app.get('/users/count', async (req, res) => res.json(await users.count()));
app.get('/users/:id', async (req, res) => {
  const user = await users.byId(req.params.id);
  if (!user) return res.sendStatus(404);
  res.json({ data: user }); // ! nosql/document-sent
});
app.get('/users/:id/public', async (req, res) => {
  const { password, ...user } = await users.byId(req.params.id);
  res.json(user);
});
app.get('/users/:id/cleared', async (req, res) => {
  const user = await users.byId(req.params.id);
  delete user.password;
  res.json(user);
});
app.post('/users', async (req, res) => {
  const [user] = await users.insert(req.body);
  res.status(201).json(user);
});
app.post('/users/back', async (req, res) => {
  const { name, password } = req.body;
  const [user] = await db.insert({ name, password }).into('users').returning('*');
  res.json(user); // ! nosql/document-sent
});
app.put('/users/:id', async (req, res) => {
  const n = await users.update(req.params.id, req.body);
  res.json({ n });
});
app.put('/users/:id/name', async (req, res) => {
  await users.rename(req.params.id, req.body.name);
  res.end();
});
app.post('/orders', async (req, res) => {
  await db.transaction(async (trx) => {
    await trx('orders').insert({ ...req.body, created: new Date() }); // ! validate/mass-assignment
  });
  res.end();
});
app.get('/orders', async (req, res) => res.json(await db.select('*').from('orders')));
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
