// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { Router } from 'express';
import { MongoClient, ObjectId } from 'mongodb';
import difference from 'lodash/difference.js';
import pickBy from 'lodash.pickby';
import { FIELDS, onlyAllowed, pick } from './fields.js';

const products = new MongoClient(process.env.MONGO_URL).db('shop').collection('products');
const router = Router();
const by = (req) => ({ _id: new ObjectId(req.params.id) });
const allowed = new Set(['name', 'price']);
const flags = { name: true, price: true };

router.put('/every/:id', async (req, res) => {
  if (!Object.keys(req.body).every((k) => FIELDS.includes(k))) return res.status(400).json({ error: 'Invalid updates' });
  await products.updateOne(by(req), { $set: req.body });
  res.end();
});
router.put('/every-kept/:id', async (req, res) => {
  const updates = Object.keys(req.body);
  const valid = updates.every((update) => FIELDS.includes(update));
  if (!valid) {
    return res.status(400).json({ error: 'Invalid updates' });
  }
  const changes = {};
  updates.forEach((update) => { changes[update] = req.body[update]; });
  await products.updateOne(by(req), { $set: changes });
  res.end();
});
router.put('/some/:id', async (req, res) => {
  if (Object.keys(req.body).some((k) => !FIELDS.includes(k))) return res.sendStatus(400);
  await products.updateOne(by(req), { $set: req.body });
  res.end();
});
router.put('/some-wrong/:id', async (req, res) => {
  if (!Object.keys(req.body).some((k) => FIELDS.includes(k))) return res.sendStatus(400);
  await products.updateOne(by(req), { $set: req.body }); // ! validate/mass-assignment
  res.end();
});
router.put('/every-unused/:id', async (req, res) => {
  if (!Object.keys(req.body).every((k) => FIELDS.includes(k))) req.log.warn('odd fields');
  await products.updateOne(by(req), { $set: req.body }); // ! validate/mass-assignment
  res.end();
});
router.put('/thrown/:id', async (req, res) => {
  onlyAllowed(req.body);
  await products.updateOne(by(req), { $set: req.body });
  res.end();
});
router.put('/returned/:id', async (req, res) => {
  for (const k in req.body) {
    if (FIELDS.indexOf(k) === -1) return res.sendStatus(400);
  }
  await products.updateOne(by(req), { $set: req.body });
  res.end();
});
router.put('/for-each/:id', async (req, res) => {
  Object.keys(req.body).forEach((k) => {
    if (!allowed.has(k)) throw new Error('not allowed');
  });
  await products.updateOne(by(req), { $set: req.body });
  res.end();
});
router.put('/continued/:id', async (req, res) => {
  const changes = {};
  for (const [k, v] of Object.entries(req.body)) {
    if (!(k in flags)) continue;
    changes[k] = v;
  }
  await products.updateOne(by(req), { $set: changes });
  res.end();
});
router.put('/continued-whole/:id', async (req, res) => {
  let known = 0;
  for (const k of Object.keys(req.body)) {
    if (!FIELDS.includes(k)) continue;
    known += 1;
  }
  await products.updateOne(by(req), { $set: { ...req.body, known } }); // ! validate/mass-assignment
  res.end();
});
router.put('/broken/:id', async (req, res) => {
  for (const k of Object.keys(req.body)) {
    if (!FIELDS.includes(k)) throw new Error('not allowed');
    if (k === 'name') break;
  }
  await products.updateOne(by(req), { $set: req.body }); // ! validate/mass-assignment
  res.end();
});
router.put('/deleted/:id', async (req, res) => {
  Object.keys(req.body).forEach((k) => { if (!FIELDS.includes(k)) delete req.body[k]; });
  await products.updateOne(by(req), { $set: req.body });
  res.end();
});
router.put('/deleted-one/:id', async (req, res) => {
  delete req.body.owner;
  await products.updateOne(by(req), { $set: req.body }); // ! validate/mass-assignment
  res.end();
});
router.put('/filtered/:id', async (req, res) => {
  const changes = {};
  Object.keys(req.body).filter((k) => FIELDS.includes(k)).forEach((k) => { changes[k] = req.body[k]; });
  await products.updateOne(by(req), { $set: changes });
  res.end();
});
router.put('/filtered-entries/:id', async (req, res) => {
  const changes = Object.fromEntries(Object.entries(req.body).filter(([k]) => FIELDS.includes(k)));
  await products.updateOne(by(req), { $set: changes });
  res.end();
});
router.put('/none-left/:id', async (req, res) => {
  const extra = Object.keys(req.body).filter((k) => !FIELDS.includes(k));
  if (extra.length > 0) return res.status(400).json({ extra });
  await products.updateOne(by(req), { $set: req.body });
  res.end();
});
router.put('/difference/:id', async (req, res) => {
  if (difference(Object.keys(req.body), FIELDS).length) return res.sendStatus(400);
  await products.updateOne(by(req), { $set: req.body });
  res.end();
});
router.put('/flags/:id', async (req, res) => {
  const changes = {};
  for (const k of Object.keys(req.body)) if (flags[k]) changes[k] = req.body[k];
  await products.updateOne(by(req), { $set: changes });
  res.end();
});
router.put('/pick/:id', async (req, res) => {
  await products.updateOne(by(req), { $set: pick(req.body, FIELDS) });
  res.end();
});
router.put('/pick-by/:id', async (req, res) => {
  await products.updateOne(by(req), { $set: pickBy(req.body, (v, k) => FIELDS.includes(k)) });
  res.end();
});
router.put('/switch/:id', async (req, res) => {
  const changes = {};
  for (const [k, v] of Object.entries(req.body)) {
    switch (k) {
      case 'name':
      case 'price':
        changes[k] = v;
        break;
      default:
        throw new Error('not allowed');
    }
  }
  await products.updateOne(by(req), { $set: changes });
  res.end();
});
router.put('/blacklist/:id', async (req, res) => {
  const changes = {};
  for (const k in req.body) if (k !== 'owner') changes[k] = req.body[k];
  await products.updateOne(by(req), { $set: changes }); // ! validate/mass-assignment
  res.end();
});
export default router;
