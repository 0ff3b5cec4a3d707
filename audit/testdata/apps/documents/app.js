// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const express = require('express');
const { User } = require('./user');
const app = express();
app.use(require('helmet')());
app.get('/users/:id', async (req, res) => { // ! errors/unhandled-rejection
  const user = await User.findById(req.params.id);
  res.json({ user }); // ! nosql/document-sent
});
app.get('/public/:id', async (req, res) => {
  const user = await User.findById(req.params.id).select('-password');
  res.json(user);
});
app.get('/names', async (req, res) => {
  const users = await User.find();
  res.json(users.map((u) => ({ id: u.id, name: u.name })));
});
app.post('/check', async (req, res) => {
  const user = await User.findOne({ name: String(req.body.name) });
  res.json({ ok: user.password === req.body.password }); // ! nosql/plain-password
});
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
