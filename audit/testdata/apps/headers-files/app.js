// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const helmet = require('helmet');
const path = require('path');
const app = express();
app.use(express.static(path.join(__dirname, 'public')));
app.use(helmet({ contentSecurityPolicy: { reportOnly: true } })); // ! headers/none, headers/csp-missing
app.get('/api', (req, res) => res.json([]));
app.use((err, req, res, next) => { res.status(500).end(); });
module.exports = app;
