// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import express from 'express';
import helmet from 'helmet';
import fs from 'node:fs';
import util from 'node:util';
import axios from 'axios';
import { MongoClient } from 'mongodb';
import { read, fetchAll } from './store.js';

const app = express();
const orders = new MongoClient(process.env.MONGO).db('shop').collection('orders');
app.use(helmet());
app.get('/file', (req, res) => {
  read('a.txt', (err, text) => {
    if (err) {
      return res.status(500).json({ message: 'cannot read', detail: err }); // ! errors/leak
    }
    res.send(text);
  });
});
app.get('/fixed', (req, res) => {
  read('a.txt', (err, text) => {
    if (err) return res.status(500).json({ error: 'Internal server error' });
    res.send(text);
  });
});
app.get('/stream', (req, res) => {
  const s = fs.createReadStream('big.txt');
  s.on('error', (err) => {
    res.writeHead(500);
    res.end(err.message); // ! errors/leak
  });
  s.pipe(res);
});
app.get('/promise', (req, res, next) => {
  fetchAll().then((rows) => res.json(rows)).catch(next);
});
app.get('/second', (req, res) => {
  fetchAll().then((rows) => res.json(rows), (error) => res.status(500).send(`it failed: ${error}`)); // ! errors/leak
});
app.get('/inspected', async (req, res) => {
  try {
    res.json(await fetchAll());
  } catch (e) {
    console.error(util.inspect(e));
    res.status(500).type('text').send(util.inspect(e)); // ! errors/leak
  }
});
app.get('/spread', async (req, res) => {
  try {
    res.json(await fetchAll());
  } catch (e) {
    res.status(500).json({ ok: false, ...e }); // ! errors/leak
  }
});
app.get('/upstream', async (req, res) => {
  try {
    const { data } = await axios.get('https://example.com/');
    res.json(data);
  } catch (error) {
    if (error.response) return res.status(error.response.status).json({ error: 'upstream answered no' });
    res.status(502).json({ error: error.message, code: error.code }); // ! errors/leak
  }
});
app.get('/logged', async (req, res, next) => {
  try {
    res.json(await fetchAll());
  } catch (e) {
    console.error(e.stack);
    next(e);
  }
});
app.get('/rejected', (req, res) => {
  orders.find({}).toArray().then((all) => res.json(all.length), (e) => res.status(500).send(e.stack)); // ! errors/leak
});
app.get('/rejected/next', (req, res, next) => {
  orders.findOne({ open: true }).then((one) => res.json({ id: one.id }), next);
});
app.use((err, req, res, next) => {
  console.error(err);
  res.status(err.status || 500).json({ error: 'Internal server error' });
});
app.listen(3000);
