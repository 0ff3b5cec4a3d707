// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const cors = require('cors');
const app = express();
app.use(require('helmet')());
const allowed = ['https://shop.example', 'https://admin.example'];
app.use('/a', cors());
app.use('/b', cors({ origin: true, credentials: true })); // ! headers/cors-any-origin
app.use('/c', cors({ origin: (origin, cb) => cb(null, true), credentials: true })); // ! headers/cors-any-origin
app.use('/d', cors({ origin: (origin, cb) => cb(null, allowed.includes(origin)), credentials: true }));
app.use('/e', cors({ origin: allowed, credentials: true }));
app.use('/f', cors({ origin: true }));
app.use('/g', (req, res, next) => {
  res.header('Access-Control-Allow-Origin', req.headers.origin); // ! headers/cors-any-origin
  res.header('Access-Control-Allow-Credentials', 'true');
  next();
});
app.use('/h', (req, res, next) => {
  const origin = req.get('origin');
  if (allowed.includes(origin)) {
    res.header('Access-Control-Allow-Origin', origin);
    res.header('Access-Control-Allow-Credentials', 'true');
  }
  next();
});
app.use('/i', (req, res, next) => {
  res.header('Access-Control-Allow-Origin', '*');
  res.header('Access-Control-Allow-Methods', 'GET');
  next();
});
for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']) app.get(`/${name}/things`, (req, res) => res.json([]));
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
