// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const path = require('path');
const multer = require('multer');
const formidable = require('formidable');
const app = express();
app.use(require('helmet')());
app.use(require('express-rate-limit')({ windowMs: 60000, limit: 100 }));
app.use(express.static(path.join(__dirname, 'public')));
app.use('/files', express.static('shared'));
const limits = { fileSize: 1000000 };
const fileFilter = (req, file, cb) => cb(null, file.mimetype === 'image/png');
const inside = multer({ dest: 'public/uploads/', limits, fileFilter }); // ! upload/dangerous
const shared = multer({ dest: path.join(__dirname, 'shared'), limits, fileFilter }); // ! upload/dangerous
const outside = multer({ dest: 'publicity/', limits, fileFilter });
const storage = multer.diskStorage({ // ! upload/dangerous
  destination: (req, file, cb) => cb(null, './public/img'),
  filename: (req, file, cb) => cb(null, String(Date.now())),
});
const stored = multer({ storage, limits, fileFilter });
app.post('/a', inside.single('f'), (req, res) => res.end());
app.post('/b', shared.single('f'), (req, res) => res.end());
app.post('/c', outside.single('f'), (req, res) => res.end());
app.post('/d', stored.single('f'), (req, res) => res.end());
app.post('/e', (req, res, next) => {
  const form = formidable({ keepExtensions: true }); // ! upload/too-large
  form.parse(req, (err) => (err ? next(err) : res.end()));
});
app.post('/f', (req, res, next) => {
  formidable({ maxFileSize: 5 * 1024 * 1024 }).parse(req, (err) => (err ? next(err) : res.end()));
});
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
