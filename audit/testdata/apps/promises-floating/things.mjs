// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import { Router } from 'express';
import { all } from './db.mjs';
export const things = Router();
things.get('/', (req, res, next) => {
  all().catch(next).then((rows) => rows && res.json(rows));
});
things.get('/one', async (req, res) => {
  const rows = await all().then((text) => JSON.parse(text));
  res.json(rows[0]);
});
