// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import express from 'express';
import helmet from 'helmet';
import fs from 'node:fs';
import path from 'node:path';
import Busboy from 'busboy';
import multiparty from 'multiparty';
import rateLimit from 'express-rate-limit';
import { bounded, open } from './forms.mjs';
const app = express();
app.use(helmet());
app.use(rateLimit({ windowMs: 60_000, limit: 100 }));
app.post('/a', (req, res, next) => {
  open().parse(req, (err, fields, files) => {
    if (err) return next(err);
    const [file] = files.picture;
    fs.rename(file.filepath, 'in/' + file.originalFilename, (failed) => (failed ? next(failed) : res.end())); // ! upload/name
  });
});
app.post('/b', async (req, res) => {
  const [fields, files] = await bounded().parse(req);
  res.json({ fields: Object.keys(fields).length, name: files.picture[0].newFilename });
});
app.post('/c', async (req, res) => {
  const [, files] = await bounded().parse(req);
  await fs.promises.copyFile(files.picture[0].filepath, path.join('in', files.picture[0].originalFilename)); // ! upload/name
  res.end();
});
app.post('/d', (req, res) => {
  const bb = Busboy({ headers: req.headers }); // ! upload/too-large, upload/type
  bb.on('file', (name, file, info) => {
    file.pipe(fs.createWriteStream(path.join('in', info.filename))); // ! upload/name
  });
  bb.on('finish', () => res.end());
  req.pipe(bb);
});
app.post('/e', (req, res) => {
  const bb = Busboy({ headers: req.headers, limits: { fileSize: 5000000, files: 1 } }); // ! upload/type
  bb.on('file', (name, file) => {
    file.pipe(fs.createWriteStream(path.join('in', String(Date.now()))));
  });
  bb.on('finish', () => res.end());
  req.pipe(bb);
});
app.post('/f', (req, res, next) => {
  new multiparty.Form({ uploadDir: 'in' }).parse(req, (err) => (err ? next(err) : res.end())); // ! upload/too-large, upload/type
});
app.post('/g', (req, res, next) => {
  new multiparty.Form({ uploadDir: 'in', maxFilesSize: 5000000 }).parse(req, (err) => (err ? next(err) : res.end())); // ! upload/type
});
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
