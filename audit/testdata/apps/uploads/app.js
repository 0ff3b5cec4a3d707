// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const express = require('express');
const multer = require('multer');
const path = require('path');
const app = express();
app.use(require('helmet')());
app.use(require('express-rate-limit')({ windowMs: 60000, limit: 100 }));
const open = multer({ dest: 'uploads/' }); // ! upload/too-large, upload/type
const typed = multer({ // ! upload/too-large
  storage: multer.diskStorage({
    destination: 'uploads',
    filename: (req, file, cb) => cb(null, Date.now() + '-' + file.originalname), // ! upload/name
  }),
  fileFilter: (req, file, cb) => cb(null, file.mimetype === 'image/png'),
});
const good = multer({
  storage: multer.diskStorage({ destination: 'uploads', filename: (req, file, cb) => cb(null, Date.now() + path.extname(file.originalname)) }),
  limits: { fileSize: 5 * 1024 * 1024, files: 1 },
  fileFilter: (req, file, cb) => cb(null, ['image/png'].includes(file.mimetype)),
});
app.post('/a', open.single('file'), (req, res) => res.json({ ok: true }));
app.post('/b', typed.single('file'), (req, res) => res.json({ ok: true }));
app.post('/c', good.single('file'), (req, res) => res.json({ ok: true }));
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
