// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const express = require('express');
const app = express();
app.use(require('helmet')());
app.use('/users', require('./routes/users'));
app.use('/posts', require('./routes/posts'));
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
