// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const app = express();
app.use(require('helmet')());
app.use(require('express-rate-limit')({ windowMs: 60000, limit: 100 }));
app.use(express.static('public'));
app.use('/pictures', require('./pictures'));
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
