// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const session = require('express-session');
const RedisStore = require('connect-redis').default;
const jwt = require('jsonwebtoken');
const config = require('config');
const nconf = require('nconf');
const settings = require('./settings');
nconf.argv().env().defaults({ signing: { key: 'not so secret' } });
const app = express();
app.use(require('helmet')());
app.use(session({ // ! session/weak-secret
  secret: config.get('session.secret'),
  store: new RedisStore({}),
  resave: false,
  saveUninitialized: false,
  cookie: { secure: true, httpOnly: true, sameSite: 'lax', maxAge: 3600000 },
}));
app.get('/a', (req, res) => res.json({ token: jwt.sign({ id: 1 }, config.get('jwt.secret'), { expiresIn: '1h' }) })); // ! token/weak-secret
app.get('/b', (req, res) => res.json({ token: jwt.sign({ id: 1 }, process.env.JWT_SECRET, { expiresIn: config.jwt.lifetime }) })); // ! token/long-lived
app.get('/c', (req, res) => res.json({ token: jwt.sign({ id: 1 }, settings.get('token.secret'), { expiresIn: '1h' }) })); // ! token/weak-secret
app.get('/d', (req, res) => res.json({ token: jwt.sign({ id: 1 }, settings.get('token').strict, { expiresIn: '1h' }) }));
app.get('/e', (req, res) => res.json({ token: jwt.sign({ id: 1 }, nconf.get('signing:key'), { expiresIn: '1h' }) })); // ! token/weak-secret
app.get('/f', (req, res) => res.json({ token: jwt.sign({ id: 1 }, nconf.get('other:key'), { expiresIn: '1h' }) }));
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
