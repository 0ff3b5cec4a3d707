// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const express = require('express');
const { MongoClient, ObjectId } = require('mongodb');
const orders = new MongoClient(process.env.MONGO_URL).db('shop').collection('orders');
const app = express();
app.use(require('helmet')());
app.use(express.json());

app.post('/in', async (req, res) => { // ! errors/unhandled-rejection
  res.json(await orders.find({ status: { $in: req.body.states.map((s) => s) } }).project({ total: 1 }).toArray()); // ! nosql/operator
});
app.post('/in-whole', async (req, res) => {
  res.json(await orders.countDocuments({ $or: [{ status: { $in: req.body.states } }] })); // ! nosql/operator
});
app.post('/not-in', async (req, res) => {
  res.json(await orders.countDocuments({ status: { $nin: [req.body.state, 'gone'] } })); // ! nosql/operator
});
app.post('/ids', async (req, res) => {
  res.json(await orders.countDocuments({ _id: { $in: req.body.ids.map((id) => new ObjectId(id)) } }));
});
app.post('/texts', async (req, res) => {
  res.json(await orders.countDocuments({ status: { $in: req.body.states.map(String) } }));
});
app.post('/checked', async (req, res) => {
  const { states } = req.body;
  if (!Array.isArray(states) || !states.every((s) => typeof s === 'string')) return res.sendStatus(400);
  res.json(await orders.countDocuments({ status: { $in: states } }));
});
app.post('/values', async (req, res) => {
  if (Object.values(req.body).some((v) => typeof v !== 'string')) return res.sendStatus(400);
  res.json(await orders.countDocuments({ status: req.body.status }));
});
app.get('/copied', async (req, res) => {
  const by = {};
  for (const k of Object.keys(req.query)) by[k] = req.query[k];
  res.json(await orders.countDocuments(by)); // ! nosql/operator
});
app.get('/named', async (req, res) => {
  const by = {};
  for (const k of ['status', 'city']) if (req.query[k]) by[k] = req.query[k];
  res.json(await orders.countDocuments(by)); // ! nosql/operator
});
app.get('/named-texts', async (req, res) => {
  const by = {};
  for (const k of ['status', 'city']) if (typeof req.query[k] === 'string') by[k] = req.query[k];
  res.json(await orders.countDocuments(by));
});
app.get('/field', async (req, res) => {
  res.json(await orders.countDocuments({ [req.query.field]: req.query.value })); // ! nosql/operator
});
app.get('/field-listed', async (req, res) => {
  const { field, value } = req.query;
  if (!['status', 'city'].includes(field)) return res.sendStatus(400);
  res.json(await orders.countDocuments({ [field]: String(value) }));
});
app.post('/bulk', async (req, res) => {
  await orders.bulkWrite([{ updateOne: { filter: { token: req.body.token }, update: { $set: { seen: true } } } }]); // ! nosql/operator
  res.end();
});
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
