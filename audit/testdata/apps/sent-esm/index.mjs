// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import express from 'express';
import helmet from 'helmet';
import mongoose from 'mongoose';

const User = mongoose.model('User', new mongoose.Schema({ name: String, hash: String, friends: [{ type: mongoose.Schema.Types.ObjectId, ref: 'User' }] }));
const strip = (user) => ({ id: user.id, name: user.name });
const without = ({ hash, ...user }) => user;
const app = express();
app.use(helmet());
app.get('/a/:id', (req, res, next) => {
  User.findById(req.params.id).then((user) => res.json(user)).catch(next); // ! nosql/document-sent
});
app.get('/b/:id', (req, res, next) => {
  User.findById(req.params.id).then((user) => res.json(strip(user))).catch(next);
});
app.get('/c/:id', async (req, res) => {
  res.json(without((await User.findById(req.params.id).lean())));
});
app.get('/d/:id', async (req, res) => {
  res.json(await User.findById(req.params.id).select('name friends').populate('friends')); // ! nosql/document-sent
});
app.get('/e/:id', async (req, res) => {
  res.json(await User.findById(req.params.id).select(['name', 'friends']).populate('friends', ['name']));
});
app.get('/f', async (req, res) => {
  const users = await User.find();
  res.json(users.map(({ name, hash }) => ({ name, hash }))); // ! nosql/document-sent
});
app.get('/g', async (req, res) => {
  const users = await User.find().lean();
  for (const user of users) delete user.hash;
  res.json({ users });
});
app.get('/h/:id', async (req, res) => {
  const user = await User.findById(req.params.id);
  if (!user) return res.sendStatus(404);
  return res.render('user', { user });
});
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
