// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const express = require('express');
const mongoSanitize = require('express-mongo-sanitize');
const Thing = require('mongoose').model('Thing');
const app = express();
app.use(require('helmet')());
app.use(express.json());
app.get('/early', async (req, res, next) => {
  try { res.json(await Thing.find({ kind: req.query.kind })); } catch (e) { next(e); } // ! nosql/operator
});
app.use(mongoSanitize());
app.get('/late', async (req, res, next) => {
  try { res.json(await Thing.find({ kind: req.query.kind })); } catch (e) { next(e); }
});
app.get('/rebuilt', (req, res, next) => {
  let text = JSON.stringify(req.query);
  text = text.replace(/\b(gt|gte|lt|lte)\b/g, (m) => `$${m}`);
  Thing.find(JSON.parse(text)).then((docs) => res.json(docs)).catch(next); // ! nosql/operator
});
app.use(function (err, req, res, next) { res.status(500).send('Internal server error'); });
module.exports = app;
