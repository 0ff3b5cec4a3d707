// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const app = express();
require('./setup')(app, { env: process.env.NODE_ENV || 'development' });
app.get('/', (req, res) => res.send('x'));
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
