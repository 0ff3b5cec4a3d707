// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const express = require('express');
const app = express();
app.disable('x-powered-by');
app.use((req, res, next) => {
  res.setHeader('Content-Security-Policy', "default-src 'self'");
  res.set({ 'X-Content-Type-Options': 'nosniff', 'X-Frame-Options': 'DENY', 'Strict-Transport-Security': 'max-age=31536000' });
  next();
});
app.get('/', (req, res) => res.send('x'));
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
