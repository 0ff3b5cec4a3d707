// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const jwt = require('jsonwebtoken');
const app = express();
app.use(require('helmet')());
const secret = process.env.JWT_SECRET;
const DAY = 24 * 60 * 60;
const options = { expiresIn: '30 days', issuer: 'shop' };
app.get('/a', (req, res) => res.json({ token: jwt.sign({ id: 1 }, secret, { expiresIn: '365d' }) })); // ! token/long-lived
app.get('/b', (req, res) => res.json({ token: jwt.sign({ id: 1 }, secret, { expiresIn: '15m' }) }));
app.get('/c', (req, res) => res.json({ token: jwt.sign({ id: 1 }, secret, { expiresIn: 3600 }) }));
app.get('/d', (req, res) => res.json({ token: jwt.sign({ id: 1 }, secret, { expiresIn: 3600 * 1000 }) })); // ! token/long-lived
app.get('/e', (req, res) => res.json({ token: jwt.sign({ id: 1 }, secret, { expiresIn: 10 * DAY }) })); // ! token/long-lived
app.get('/f', (req, res) => res.json({ token: jwt.sign({ id: 1 }, secret, { expiresIn: process.env.JWT_EXPIRES || '90d' }) })); // ! token/long-lived
app.get('/g', (req, res) => res.json({ token: jwt.sign({ id: 1 }, secret, { expiresIn: process.env.JWT_EXPIRES }) }));
app.get('/h', (req, res) => res.json({ token: jwt.sign({ id: 1 }, secret, options) })); // ! token/long-lived
app.get('/i', (req, res) => {
  const refreshToken = jwt.sign({ id: 1 }, process.env.REFRESH_SECRET, { expiresIn: '30d' });
  res.json({ refreshToken });
});
app.get('/j', (req, res) => {
  const forever = jwt.sign({ id: 1 }, process.env.REFRESH_SECRET, { expiresIn: '10y' }); // ! token/long-lived
  res.json({ forever });
});
app.get('/k', (req, res) => res.json({ token: jwt.sign({ id: 1 }, secret, { algorithm: 'HS256' }) })); // ! token/no-expiry
app.get('/l', (req, res) => {
  jwt.sign({ id: 1 }, secret, (err, token) => res.json({ token })); // ! token/no-expiry
});
app.get('/m', (req, res) => {
  const { exp, iat } = jwt.decode(jwt.sign({ id: 1 }, secret, { expiresIn: '1h' }));
  res.json({ seconds: exp - iat });
});
app.get('/n', (req, res) => res.json({ token: jwt.sign({ id: 1 }, null, { algorithm: 'none', expiresIn: '1h' }) })); // ! token/alg-none
app.get('/o', (req, res) => {
  const claims = jwt.verify(String(req.query.t), secret, { ignoreExpiration: true }); // ! token/no-expiry
  res.json({ id: claims.id });
});
app.get('/p', (req, res) => {
  const claims = jwt.verify(req.cookies.t, '', { algorithms: ['HS256', 'none'] }); // ! token/alg-none, token/weak-secret
  res.json({ id: claims.id });
});
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
