// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const app = express(); // ! headers/none
app.use(express.json());
app.use('/admin', (req, res, next) => {
  res.set({ 'X-Content-Type-Options': 'nosniff', 'X-Frame-Options': 'DENY', 'Content-Security-Policy': "default-src 'self'" });
  next();
});
app.get('/', (req, res) => {
  res.setHeader('Content-Security-Policy', "default-src 'self'");
  res.setHeader('X-Frame-Options', 'DENY');
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader('Strict-Transport-Security', 'max-age=31536000');
  res.send('this page alone');
});
app.get('/other', (req, res) => res.send('none here'));
app.get('/admin', (req, res) => res.send('some here'));
app.use((req, res) => {
  res.set({ 'Referrer-Policy': 'no-referrer', 'Strict-Transport-Security': 'max-age=31536000' });
  res.status(404).send('not found');
});
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
