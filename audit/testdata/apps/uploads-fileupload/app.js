// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const fileUpload = require('express-fileupload');
const app = express();
app.use(require('helmet')());
app.use(require('express-rate-limit')({ windowMs: 60000, limit: 100 }));
app.use(fileUpload()); // ! upload/too-large, upload/type
app.post('/a', (req, res, next) => {
  req.files.document.mv(`store/${Date.now()}`, (err) => (err ? next(err) : res.end()));
});
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
