// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import express from 'express';
import helmet from 'helmet';
import bcrypt from 'bcrypt';
import crypto from 'node:crypto';
import fs from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import puppeteer from 'puppeteer';
import rateLimit from 'express-rate-limit';
import { notify, welcome } from './mail.mjs';
const app = express();
app.use(helmet());
app.use(express.json());
app.post('/invite', async (req, res) => { // ! ratelimit/none
  await welcome(String(req.body.to));
  res.end();
});
app.post('/contact', (req, res, next) => { // ! ratelimit/none
  notify('us@shop.example').then(() => res.end()).catch(next);
});
app.post('/notes', async (req, res) => { // ! ratelimit/none
  await writeFile(`notes/${crypto.randomUUID()}.txt`, String(req.body.text));
  res.end();
});
app.put('/avatar', (req, res) => { // ! ratelimit/none
  req.pipe(fs.createWriteStream(`avatars/${crypto.randomUUID()}`)).on('finish', () => res.end());
});
app.post('/members', async (req, res) => { // ! ratelimit/none
  const hash = await bcrypt.hash(String(req.body.password), 12);
  res.json({ length: hash.length });
});
app.post('/derive', (req, res, next) => { // ! ratelimit/none
  crypto.scrypt(String(req.body.text), 'salt', 64, (err, key) => (err ? next(err) : res.json({ length: key.length })));
});
app.get('/convert', (req, res, next) => { // ! ratelimit/none
  execFile('convert', ['in.png', 'out.jpg'], (err) => (err ? next(err) : res.sendFile('out.jpg')));
});
app.get('/print', async (req, res) => { // ! ratelimit/none
  const browser = await puppeteer.launch();
  await browser.close();
  res.end();
});
app.get('/read', async (req, res) => { res.send(await fs.promises.readFile('a.txt')); });
app.get('/cached', async (req, res) => {
  await writeFile('cache.txt', 'now');
  res.end();
});
const slow = rateLimit({ windowMs: 60_000, limit: 10 });
app.post('/slow/invite', slow, async (req, res) => {
  await welcome(String(req.body.to));
  res.end();
});
app.post('/cheap', (req, res) => res.json({ hash: crypto.createHash('sha256').update(String(req.body.x)).digest('hex') }));
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
