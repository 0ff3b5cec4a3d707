// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const { z } = require('zod');
const Joi = require('joi');
const { body, validationResult, checkSchema } = require('express-validator');
const { celebrate, Segments } = require('celebrate');
const Person = require('mongoose').model('Person');
const app = express();
app.use(require('helmet')());
app.use(express.json());

// Checked, and then the unchecked body is stored.
const address = z.object({ city: z.string().max(80), zip: z.string().trim().length(5).optional() });
const person = z.object({
  name: z.string().min(1).max(100),
  email: z.string().email().nullable(),
  age: z.number().int().positive().optional(),
  plan: z.enum(['free', 'paid']).default('free'),
  tags: z.array(z.string().max(20)).max(5),
  born: z.coerce.number().max(2020),
  role: z.string().optional(),
  address,
});
app.post('/zod', async (req, res, next) => {
  try {
    const result = person.safeParse(req.body);
    if (!result.success) return res.status(400).end();
    const doc = await Person.create(req.body); // ! validate/mass-assignment
    res.json(doc.id);
  } catch (err) {
    next(err);
  }
});
app.post('/zod/whole', (req, res, next) => {
  z.object({ body: person.pick({ name: true }) }).parse({ body: req.body });
  Person.create(req.body).then((doc) => res.json(doc.id)).catch(next); // ! validate/mass-assignment
});
app.post('/joi', (req, res, next) => {
  const { error, value } = Joi.object({
    name: Joi.string().max(50).required(),
    nick: Joi.string().min(2).allow(''),
    kind: Joi.string().valid('a', 'b'),
    size: Joi.number().integer().min(1),
    list: Joi.array().items(Joi.string().max(9)),
  }).validate(req.body, { allowUnknown: true });
  if (error) return res.status(400).end();
  Person.create(value).then((doc) => res.json(doc.id)).catch(next); // ! validate/mass-assignment
});
app.post('/validator', [
  body('name').isString().isLength({ min: 2, max: 30 }),
  body(['email']).isEmail(),
  body('age').optional().isInt(),
], (req, res, next) => {
  if (!validationResult(req).isEmpty()) return res.status(400).end();
  Person.create(req.body).then((doc) => res.json(doc.id)).catch(next); // ! validate/mass-assignment
});
app.post('/schema', checkSchema({
  name: { in: ['body'], isString: true, isLength: { options: { max: 12 } } },
  page: { in: 'query', isInt: true },
}), (req, res, next) => {
  if (!validationResult(req).isEmpty()) return res.status(400).end();
  Person.findOne({ name: req.body.name }).then(() => Person.create(req.body)).then((doc) => res.json(doc.id)).catch(next); // ! validate/mass-assignment
});
app.post('/celebrate', celebrate({ body: Joi.object({ name: Joi.string() }).unknown() }), (req, res, next) => {
  Person.create(req.body).then((doc) => res.json(doc.id)).catch(next); // ! validate/mass-assignment
});
// What fits is what is used.
app.post('/old', (req, res, next) => {
  const { error, value } = Joi.validate(req.body, Joi.object({ name: Joi.string() }));
  if (error) return res.status(400).end();
  Person.create(value).then((doc) => res.json(doc.id)).catch(next);
});
app.post('/attempt', (req, res, next) => {
  const value = Joi.attempt(req.body, Joi.object({ name: Joi.string() }));
  Person.create(value).then((doc) => res.json(doc.id)).catch(next);
});
app.post('/segments', celebrate({ [Segments.BODY]: Joi.object().keys({ name: Joi.string().required() }) }), (req, res, next) => {
  Person.create(req.body).then((doc) => res.json(doc.id)).catch(next);
});
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
