// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import express from 'express';
import helmet from 'helmet';
import { readFile } from 'node:fs/promises';
const app = express();
app.use(helmet());
app.get('/', async (req, res) => { // Express 5 hands on what is rejected
  res.type('text').send(await readFile('motd.txt', 'utf8'));
});
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
