// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const express = require('express');
const _ = require('lodash');
const Joi = require('joi');
const { Post } = require('./models');
const app = express();
app.use(require('helmet')());
app.use(express.json());
const settings = {};
app.post('/posts', async (req, res) => { // ! errors/unhandled-rejection
  const post = await Post.create(req.body); // ! validate/mass-assignment
  res.json({ id: post.id });
});
app.post('/picked', async (req, res) => {
  const post = new Post(_.pick(req.body, ['title', 'text']));
  await post.save();
  res.json({ id: post.id });
});
app.put('/posts/:id', async (req, res) => {
  const { id, ...rest } = req.body;
  await Post.findByIdAndUpdate(req.params.id, { $set: { ...rest, edited: true } }); // ! validate/mass-assignment
  res.end();
});
app.put('/named/:id', async (req, res) => {
  const { title, text } = req.body;
  await Post.findByIdAndUpdate(req.params.id, { title, text });
  res.end();
});
app.patch('/posts/:id', async (req, res) => {
  const post = await Post.findById(req.params.id);
  Object.assign(post, req.body); // ! validate/mass-assignment
  await post.save();
  res.end();
});
app.post('/joi', async (req, res) => {
  const { error, value } = Joi.object({ title: Joi.string() }).validate(req.body);
  if (error) return res.status(400).json({ error: error.details });
  await Post.create(value);
  await Post.create(req.body);
  res.end();
});
app.post('/settings', (req, res) => {
  _.merge(settings, req.body); // ! validate/prototype-key
  res.json(settings);
});
app.post('/own', (req, res) => {
  merge(settings, req.body);
  mergeSafely(settings, req.body);
  res.end();
});
function merge(into, from) {
  for (const key in from) {
    if (typeof from[key] === 'object') merge(into[key], from[key]);
    else into[key] = from[key]; // ! validate/prototype-key
  }
}
function mergeSafely(into, from) {
  for (const key of Object.keys(from)) {
    if (key === '__proto__' || key === 'constructor') continue;
    if (typeof from[key] === 'object') mergeSafely(into[key], from[key]);
    else into[key] = from[key];
  }
}
app.use((err, req, res, next) => res.status(500).end());
app.listen(3000);
