// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const express = require('express');
// app.use(helmet()) is what somebody wanted to write here.
const app = express(); // ! headers/none, errors/no-handler
app.get('/', (req, res) => res.send('x'));
app.listen(3000);
