// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const Cookies = require('cookies');
const s = require('./sign-in');
const app = express();
app.use(require('helmet')());
app.get('/a', (req, res) => { s.good(res, s.newSession()); res.end(); });
app.get('/b', (req, res) => { s.long(res, s.newSession()); res.end(); });
app.get('/c', (req, res) => { s.remembered(res, s.newSession()); res.end(); });
app.get('/d', (req, res) => { s.open(res, s.newSession()); res.end(); });
app.get('/e', (req, res) => { s.scripts(res, s.newSession()); res.end(); });
app.get('/f', (req, res) => { res.setHeader('Set-Cookie', s.written(s.newSession())); res.end(); });
app.get('/g', (req, res) => { res.setHeader('Set-Cookie', s.safely(s.newSession())); res.end(); });
app.get('/h', (req, res) => {
  res.setHeader('Set-Cookie', `sid=${s.newSession()}; Path=/; HttpOnly`); // ! session/cookie-secure
  res.end();
});
app.get('/i', (req, res) => {
  res.append('Set-Cookie', 'sid=' + s.newSession() + '; Path=/; HttpOnly; Secure; SameSite=Lax');
  res.append('Set-Cookie', 'theme=dark; Path=/');
  res.end();
});
app.get('/j', (req, res) => {
  res.set('Set-Cookie', ['lang=en', `access_token=${s.newSession()}; Secure; SameSite=Strict`]); // ! session/cookie-httponly
  res.end();
});
app.get('/k', (req, res) => {
  new Cookies(req, res).set('sid', s.newSession(), { httpOnly: false, sameSite: 'lax' }); // ! session/cookie-httponly
  new Cookies(req, res).set('token', s.newSession(), { sameSite: 'strict' });
  res.end();
});
app.get('/l', (req, res) => {
  res.cookie('theme', 'dark', { maxAge: 365 * 24 * 3600 * 1000 });
  res.cookie('csrf-token', s.newSession());
  res.clearCookie('sid');
  res.end();
});
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
