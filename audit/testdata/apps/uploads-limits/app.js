// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const multer = require('multer');
const config = require('./config');
const app = express();
app.use(require('helmet')());
app.use(require('express-rate-limit')({ windowMs: 60000, limit: 100 }));
const fileFilter = (req, file, cb) => cb(null, file.mimetype === 'image/png');
const ok = (req, res) => res.end();
app.post('/a', multer({ dest: 'in', fileFilter, limits: { fileSize: 1e12, files: 1 } }).single('f'), ok); // ! upload/too-large
app.post('/b', multer({ dest: 'in', fileFilter, limits: { fileSize: Infinity, files: 1 } }).single('f'), ok); // ! upload/too-large
app.post('/c', multer({ dest: 'in', fileFilter, limits: { fileSize: config.maxSize, files: 1 } }).single('f'), ok); // ! upload/too-large
app.post('/d', multer({ dest: 'in', fileFilter, limits: { fileSize: config.fair, files: 1 } }).single('f'), ok);
app.post('/e', multer({ dest: 'in', fileFilter, limits: { files: 1 } }).single('f'), ok); // ! upload/too-large
app.post('/f', multer({ dest: 'in', fileFilter, limits: { fileSize: 1e6 } }).any(), ok); // ! upload/too-many
app.post('/g', multer({ dest: 'in', fileFilter, limits: { fileSize: 1e6 } }).array('f'), ok); // ! upload/too-many
app.post('/h', multer({ dest: 'in', fileFilter, limits: { fileSize: 1e6 } }).array('f', 5), ok);
app.post('/i', multer({ dest: 'in', fileFilter, limits: { fileSize: 1e6, files: 5 } }).any(), ok);
app.post('/j', multer().none(), ok);
app.post('/k', multer({ storage: multer.memoryStorage(), fileFilter }).fields([{ name: 'a', maxCount: 1 }]), ok); // ! upload/too-large
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
