// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import express from 'express';
import helmet from 'helmet';
import session from 'express-session';
import RedisStore from 'connect-redis';
import jwt from 'jsonwebtoken';
import config from './config.mjs';
import { verify, issue } from './tokens.mjs';

const app = express();
app.use(helmet());
app.use(session({ // ! session/cookie-secure, session/weak-secret, session/memory-store
  secret: config.session.secret,
  resave: false,
  saveUninitialized: true,
  cookie: { maxAge: 3600000 },
}));
app.use('/good', session({
  secret: process.env.SESSION_SECRET,
  store: new RedisStore({}),
  resave: false,
  saveUninitialized: false,
  cookie: { secure: true, httpOnly: true, sameSite: 'strict', maxAge: 3600000 },
}));
app.get('/issue', (req, res) => {
  res.cookie('token', issue({ id: 1 }), { httpOnly: true }); // ! session/cookie-secure
  res.cookie('theme', 'dark');
  res.json({ ok: verify(req.get('authorization')) });
});
app.get('/exp', (req, res) => {
  const exp = Math.floor(Date.now() / 1000) + 3600;
  res.json({ token: jwt.sign({ id: 1, exp }, process.env.JWT_SECRET) });
});
app.get('/who', (req, res) => {
  const claims = jwt.decode(req.get('authorization')); // ! token/unverified
  res.json({ id: claims.sub });
});
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
