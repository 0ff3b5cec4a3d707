// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const fs = require('fs');
const { rename, copyFile } = require('fs/promises');
const path = require('path');
const multer = require('multer');
const s3 = require('multer-s3');
const sanitize = require('sanitize-filename');
const names = require('./names');
const app = express();
app.use(require('helmet')());
app.use(require('express-rate-limit')({ windowMs: 60000, limit: 100 }));
const limits = { fileSize: 1000000, files: 1 };
const fileFilter = (req, file, cb) => cb(null, file.mimetype === 'image/png');
const memory = multer({ storage: multer.memoryStorage(), limits, fileFilter });
const disk = (filename) => multer({ storage: multer.diskStorage({ destination: 'uploads', filename }), limits, fileFilter });
const stamped = disk((req, file, cb) => cb(null, names.stamped(file))); // ! upload/name
const random = disk((req, file, cb) => cb(null, names.random(file)));
const kept = disk((req, file, cb) => cb(null, names.kept(file)));
const based = disk(function (req, file, cb) { cb(null, path.basename(file.originalname)); });
const bucket = multer({ storage: s3({ bucket: 'b', key: (req, file, cb) => cb(null, 'in/' + file.originalname) }), limits, fileFilter }); // ! upload/name
app.post('/a', memory.single('f'), (req, res) => {
  fs.writeFileSync(path.join('uploads', req.file.originalname), req.file.buffer); // ! upload/name
  res.end();
});
app.post('/b', memory.single('f'), async (req, res) => {
  await rename(req.file.path, `./uploads/${req.file.originalname}`); // ! upload/name
  res.end();
});
app.post('/c', memory.single('f'), async (req, res) => {
  const { originalname, path: from } = req.file;
  const to = path.join(__dirname, 'uploads', originalname);
  await copyFile(from, to); // ! upload/name
  res.end();
});
app.post('/d', memory.array('f', 5), (req, res) => {
  for (const file of req.files) fs.createWriteStream('uploads/' + file.originalname).end(file.buffer); // ! upload/name
  res.end();
});
app.post('/e', memory.single('f'), (req, res, next) => {
  fs.writeFile(path.join('uploads', names.random(req.file)), req.file.buffer, (err) => (err ? next(err) : res.end()));
});
app.post('/f', memory.single('f'), (req, res) => {
  fs.writeFileSync(path.join('uploads', path.basename(req.file.originalname)), req.file.buffer);
  fs.writeFileSync(path.join('uploads', sanitize(req.file.originalname)), req.file.buffer);
  fs.writeFileSync(`uploads/${req.file.filename}.${req.file.originalname.split('.').pop()}`, req.file.buffer);
  fs.writeFileSync('uploads/last.json', JSON.stringify({ name: req.file.originalname }));
  res.end();
});
app.post('/g', stamped.single('f'), (req, res) => res.json({ name: req.file.originalname }));
app.post('/h', random.single('f'), (req, res) => res.end());
app.post('/i', kept.single('f'), (req, res) => res.end());
app.post('/j', based.single('f'), (req, res) => res.end());
app.post('/k', bucket.single('f'), (req, res) => res.end());
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
