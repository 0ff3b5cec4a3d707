// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const helmet = require('helmet');
const app = express();
if (process.env.NODE_ENV !== 'production') {
  app.use(helmet()); // ! headers/none
}
app.get('/', (req, res) => res.send('x'));
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
