// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import express from 'express';
import helmet from 'helmet';
import { z } from 'zod';
import Joi from 'joi';
import Ajv from 'ajv';
import * as yup from 'yup';
import { celebrate, Segments } from 'celebrate';
import { Item } from './models.js';

const app = express();
app.use(helmet());
app.use(express.json());
const ajv = new Ajv();
const open = { type: 'object', properties: { name: { type: 'string' } } };
const closed = { type: 'object', properties: { name: { type: 'string' } }, additionalProperties: false };

app.post('/ajv/closed', async (req, res) => {
  if (!ajv.validate(closed, req.body)) return res.sendStatus(400);
  await Item.create(req.body);
  res.end();
});
app.post('/ajv/open', async (req, res) => {
  if (!ajv.validate(open, req.body)) return res.sendStatus(400);
  await Item.create(req.body); // ! validate/mass-assignment
  res.end();
});
app.post('/ajv/find', async (req, res) => {
  const valid = ajv.validate(open, req.body);
  if (!valid) return res.sendStatus(400);
  res.json(await Item.find({ name: req.body.name }));
});
app.post('/ajv/unused', async (req, res) => {
  ajv.validate(closed, req.body);
  await Item.create(req.body); // ! validate/mass-assignment
  res.end();
});
app.post('/zod/any', async (req, res) => {
  const { name, owner } = z.object({ name: z.string(), owner: z.any() }).parse(req.body);
  res.json(await Item.find({ owner })); // ! nosql/operator
});
app.post('/zod/named', async (req, res) => {
  const { name, owner } = z.object({ name: z.string(), owner: z.any() }).parse(req.body);
  res.json(await Item.find({ name }));
});
app.post('/zod/nested', async (req, res) => {
  const data = z.object({ name: z.string(), item: z.object({ name: z.string() }).passthrough() }).parse(req.body);
  await Item.create(data.item); // ! validate/mass-assignment
  res.end();
});
app.post('/zod/nested-strict', async (req, res) => {
  const data = z.object({ name: z.string(), item: z.object({ name: z.string() }).strict() }).parse(req.body);
  await Item.create(data.item);
  res.end();
});
app.post('/zod/passthrough', async (req, res) => {
  await Item.create(z.object({ name: z.string() }).passthrough().parse(req.body)); // ! validate/mass-assignment
  res.end();
});
app.post('/zod/original', async (req, res) => {
  z.object({ name: z.string() }).parse(req.body);
  await Item.create(req.body); // ! validate/mass-assignment
  res.end();
});
app.post('/zod/strict-original', async (req, res) => {
  z.object({ name: z.string() }).strict().parse(req.body);
  await Item.create(req.body);
  res.end();
});
app.post('/joi/any', async (req, res) => {
  const { error, value } = Joi.object({ name: Joi.string(), owner: Joi.any() }).validate(req.body);
  if (error) return res.sendStatus(400);
  res.json(await Item.find({ owner: value.owner })); // ! nosql/operator
});
app.post('/joi/listed', async (req, res) => {
  const { error, value } = Joi.object({ name: Joi.string(), owner: Joi.any().valid('a', 'b') }).validate(req.body);
  if (error) return res.sendStatus(400);
  res.json(await Item.find({ owner: value.owner }));
});
app.post('/joi/stripped', async (req, res) => {
  const { error, value } = Joi.object({ name: Joi.string() }).validate(req.body, { stripUnknown: true });
  if (error) return res.sendStatus(400);
  await Item.create(value);
  res.end();
});
app.post('/joi/stripped-original', async (req, res) => {
  const { error } = Joi.object({ name: Joi.string() }).validate(req.body, { stripUnknown: true });
  if (error) return res.sendStatus(400);
  await Item.create(req.body); // ! validate/mass-assignment
  res.end();
});
app.post('/yup', async (req, res) => {
  const value = await yup.object({ name: yup.string().required() }).validate(req.body, { stripUnknown: true });
  res.json(await Item.find({ name: value.name }));
});
app.post('/celebrate', celebrate({ [Segments.BODY]: Joi.object({ name: Joi.string(), owner: Joi.object() }) }), async (req, res) => {
  await Item.create(req.body);
  res.json(await Item.find({ owner: req.body.owner })); // ! nosql/operator
});
app.post('/celebrate/unknown', celebrate({ body: Joi.object({ name: Joi.string() }).unknown() }), async (req, res) => {
  await Item.create(req.body); // ! validate/mass-assignment
  res.json(await Item.find({ name: req.body.name }));
});
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
