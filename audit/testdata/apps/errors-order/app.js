// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const app = express();
app.use(require('helmet')());
app.get('/', (req, res) => res.send('x'));
// Express tells error handlers by their four parameters: this is none.
app.use((err, req, res) => { // ! errors/no-handler
  console.error(err);
  res.status(500).json({ error: 'Internal server error' });
});
app.listen(3000);
