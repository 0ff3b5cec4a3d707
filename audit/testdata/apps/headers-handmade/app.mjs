// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import express from 'express';
import { secure } from './security.mjs';
const app = express(); // ! headers/powered-by
app.use(secure());
app.get('/', (req, res) => res.send('x'));
app.get('/embedded', (req, res) => {
  res.set('Content-Security-Policy', "default-src 'self'; script-src 'self' 'nonce-r4nd0m' 'unsafe-inline'");
  res.send('x');
});
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
