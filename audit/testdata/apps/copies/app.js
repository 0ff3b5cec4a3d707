// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const express = require('express');
const _ = require('lodash');
const mongoose = require('mongoose');
const Post = mongoose.model('Post', new mongoose.Schema({ title: String, text: String, featured: Boolean }));
const app = express();
app.use(require('helmet')());
app.use(express.json());
// Field by field, under the client's names.
app.put('/for-in/:id', async (req, res) => {
  const post = await Post.findById(req.params.id);
  for (const k in req.body) post[k] = req.body[k]; // ! validate/mass-assignment
  await post.save();
  res.end();
});
app.put('/for-in-guarded/:id', async (req, res) => {
  const post = await Post.findById(req.params.id);
  for (const k in req.body) {
    if (Object.prototype.hasOwnProperty.call(req.body, k)) {
      post[k] = req.body[k]; // ! validate/mass-assignment
    }
  }
  await post.save();
  res.end();
});
app.put('/keys/:id', async (req, res) => {
  const post = await Post.findById(req.params.id);
  Object.keys(req.body).forEach((k) => { post[k] = req.body[k]; }); // ! validate/mass-assignment
  await post.save();
  res.end();
});
app.put('/set/:id', async (req, res) => {
  const post = await Post.findById(req.params.id);
  for (const [k, v] of Object.entries(req.body)) post.set(k, v); // ! validate/mass-assignment
  await post.save();
  res.end();
});
app.put('/entries/:id', async (req, res) => {
  const changes = {};
  Object.entries(req.body).forEach(([k, v]) => { changes[k] = v; });
  await Post.findByIdAndUpdate(req.params.id, changes); // ! validate/mass-assignment
  res.end();
});
app.put('/for-of/:id', async (req, res) => {
  const changes = {};
  for (const [k, v] of Object.entries(req.body)) changes[k] = v;
  await Post.findByIdAndUpdate(req.params.id, { $set: changes }); // ! validate/mass-assignment
  res.end();
});
app.put('/counted/:id', async (req, res) => {
  const changes = {};
  const keys = Object.keys(req.body);
  for (let i = 0; i < keys.length; i++) changes[keys[i]] = req.body[keys[i]];
  await Post.updateOne({ _id: req.params.id }, changes); // ! validate/mass-assignment
  res.end();
});
app.put('/reduce/:id', async (req, res) => {
  const changes = Object.keys(req.body).reduce((all, k) => {
    all[k] = req.body[k];
    return all;
  }, {});
  await Post.findByIdAndUpdate(req.params.id, changes); // ! validate/mass-assignment
  res.end();
});
app.put('/spread/:id', async (req, res) => {
  const changes = Object.entries(req.body).reduce((all, [k, v]) => ({ ...all, [k]: v }), {});
  await Post.findByIdAndUpdate(req.params.id, changes); // ! validate/mass-assignment
  res.end();
});
app.put('/from-entries/:id', async (req, res) => {
  const changes = Object.fromEntries(Object.entries(req.body).filter(([, v]) => v !== ''));
  await Post.findByIdAndUpdate(req.params.id, changes); // ! validate/mass-assignment
  res.end();
});
app.put('/lodash/:id', async (req, res) => {
  const changes = {};
  _.forEach(req.body, (v, k) => { changes[k] = v; });
  await Post.findByIdAndUpdate(req.params.id, changes); // ! validate/mass-assignment
  res.end();
});
app.put('/lodash-pick-by/:id', async (req, res) => {
  await Post.findByIdAndUpdate(req.params.id, _.pickBy(req.body, (v) => v !== undefined)); // ! validate/mass-assignment
  res.end();
});
app.put('/lodash-omit/:id', async (req, res) => {
  await Post.findByIdAndUpdate(req.params.id, _.omit(req.body, ['featured'])); // ! validate/mass-assignment
  res.end();
});
app.put('/field/:id', async (req, res) => {
  await Post.findByIdAndUpdate(req.params.id, { [req.body.field]: req.body.value }); // ! validate/mass-assignment
  res.end();
});
app.put('/texts/:id', async (req, res) => {
  const changes = {};
  for (const k of Object.keys(req.body)) changes[k] = String(req.body[k]);
  await Post.findByIdAndUpdate(req.params.id, changes); // ! validate/mass-assignment
  res.end();
});
// Several at once, and parts of a body.
app.post('/many', async (req, res) => {
  await Post.insertMany(req.body.items); // ! validate/mass-assignment
  res.end();
});
app.post('/mapped', async (req, res) => {
  await Post.insertMany(req.body.items.map((i) => ({ ...i, created: Date.now() }))); // ! validate/mass-assignment
  res.end();
});
app.post('/bulk', async (req, res) => {
  await Post.bulkWrite(req.body.operations); // ! validate/mass-assignment
  res.end();
});
app.post('/bulk-made', async (req, res) => {
  await Post.bulkWrite(req.body.items.map((item) => ({ insertOne: { document: item } }))); // ! validate/mass-assignment
  res.end();
});
app.post('/part', async (req, res) => {
  const post = new Post(req.body.post); // ! validate/mass-assignment
  await post.save();
  res.end();
});
app.post('/part-set/:id', async (req, res) => {
  await Post.findByIdAndUpdate(req.params.id, { $set: req.body.post }); // ! validate/mass-assignment
  res.end();
});
// The app's own names.
app.put('/named/:id', async (req, res) => {
  const changes = {};
  for (const k of ['title', 'text']) if (req.body[k] !== undefined) changes[k] = req.body[k];
  await Post.findByIdAndUpdate(req.params.id, changes);
  res.end();
});
app.post('/mapped-named', async (req, res) => {
  await Post.insertMany(req.body.items.map((i) => ({ title: i.title, text: i.text })));
  res.end();
});
app.post('/part-named', async (req, res) => {
  const { title, text } = req.body.post;
  await new Post({ title, text }).save();
  res.end();
});
app.post('/counts', (req, res) => {
  const lengths = {};
  for (const k in req.body) lengths[k] = 1;
  res.json(lengths);
});
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
