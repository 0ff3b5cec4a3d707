// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const rateLimit = require('express-rate-limit');
const bcrypt = require('bcrypt');
const multer = require('multer');
const mongoose = require('mongoose');
const User = mongoose.model('User', new mongoose.Schema({ email: String, password: String }));
const app = express();
app.use(require('helmet')());
app.use(express.json());
app.use(rateLimit({ windowMs: 900000, limit: 300 }));
app.post('/login', rateLimit({ windowMs: 900000, limit: 5 }), async (req, res) => {
  const user = await User.findOne({ email: String(req.body.email) });
  if (!user || !(await bcrypt.compare(String(req.body.password), user.password))) return res.sendStatus(401);
  res.json({ id: user.id });
});
// Numbers are no documents.
app.get('/a', async (req, res) => res.json(await User.find().where('email').equals('x').countDocuments()));
app.get('/b', async (req, res) => {
  const users = await User.find({}).skip(1);
  res.json(users.length);
});
app.get('/c', async (req, res) => res.json(await User.aggregate([{ $match: { email: 'x' } }, { $count: 'n' }])));
app.get('/d', async (req, res) => res.json(await User.find({}))); // ! nosql/document-sent
// What is called a limit, and a filter, and is none.
const huge = multer({ limits: { fileSize: 1e12 }, fileFilter: (req, file, cb) => cb(null, true) }); // ! upload/too-large, upload/type
app.post('/up', huge.array('f', 1000), (req, res) => res.end());
app.put('/user', async (req, res) => {
  const user = await User.findById(String(req.body.id));
  Object.assign(user, req.body); // ! validate/mass-assignment
  await user.save();
  res.end();
});
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
