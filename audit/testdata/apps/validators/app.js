// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const Joi = require('joi');
const Ajv = require('ajv');
const validator = require('validator');
const { body, validationResult } = require('express-validator');
const { celebrate } = require('celebrate');
const Thing = require('mongoose').model('Thing');
const app = express();
app.use(require('helmet')());
app.use(express.json());

const find = (req, res, next) => Thing.find({ name: req.body.name }).then((docs) => res.json(docs)).catch(next);
const bare = (req, res, next) => Thing.find({ name: req.body.name }).then((docs) => res.json(docs)).catch(next); // ! nosql/operator
const store = (req, res, next) => Thing.create(req.body).then((doc) => res.json(doc.id)).catch(next);
const joi = (schema) => (req, res, next) => {
  const { error, value } = schema.validate(req.body);
  if (error) {
    return next(new Error('bad'));
  }
  Object.assign(req, { body: value });
  return next();
};
const checked = (req, res, next) => {
  const errors = validationResult(req);
  if (!errors.isEmpty()) return res.status(400).json({ errors: errors.array() });
  next();
};
const ajv = new Ajv();
const fits = ajv.compile({ type: 'object', properties: { name: { type: 'string' } } });

app.post('/joi', joi(Joi.object({ name: Joi.string() })), find);
app.post('/joi/store', joi(Joi.object({ name: Joi.string() })), store);
app.post('/celebrate', celebrate({ body: Joi.object({ name: Joi.string() }) }), store);
app.post('/validator', [body('name').isString(), checked], find);
app.post('/unchecked', body('name').isString(), bare);
app.post('/ajv', (req, res, next) => {
  if (!fits(req.body)) return res.status(400).end();
  find(req, res, next);
});
app.post('/email', (req, res, next) => {
  if (!validator.isEmail(req.body.name)) return res.status(400).end();
  find(req, res, next);
});
app.post('/text', (req, res, next) => {
  req.body.name = String(req.body.name);
  find(req, res, next);
});
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
