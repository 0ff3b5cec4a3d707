// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import express from 'express';
import helmet from 'helmet';
import { all } from './db.mjs';
import { things } from './things.mjs';
const app = express();
app.use(helmet());
app.get('/awaited', async (req, res) => { res.json(await all()); });
app.get('/returned', (req, res) => all().then((rows) => res.json(rows)));
app.get('/caught', (req, res, next) => {
  all().then((rows) => res.json(rows)).catch(next);
});
app.get('/both', (req, res, next) => {
  all().then((rows) => res.json(rows), next);
});
app.get('/floating', (req, res) => { // ! errors/unhandled-rejection
  all().then((rows) => res.json(rows));
});
app.get('/floating/too', (req, res) => {
  if (req.query.x) {
    all().then((rows) => rows.length).then((n) => res.json(n)).finally(() => console.log('done'));
  }
});
app.use('/things', things);
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
