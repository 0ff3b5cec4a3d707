// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const express = require('express');
const helmet = require('helmet');
const app = express();
app.use(helmet());
app.use(express.json());
const users = require('./routes/users');
app.use('/users', users);
app.use((err, req, res, next) => { console.error(err); res.status(500).json({ error: 'Internal server error' }); });
app.listen(3000);
