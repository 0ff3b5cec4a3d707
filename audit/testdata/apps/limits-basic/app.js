// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const passport = require('passport');
const { BasicStrategy } = require('passport-http');
const rateLimit = require('express-rate-limit');
const bcrypt = require('bcrypt');
const users = require('./users');
passport.use(new BasicStrategy(async (name, password, done) => {
  const user = await users.find(String(name));
  done(null, user && await bcrypt.compare(password, user.hash) ? user : false);
}));
const strict = rateLimit({ windowMs: 15 * 60 * 1000, limit: 5 });
const authenticated = (req, res, next) => {
  if (req.isAuthenticated()) return next();
  return passport.authenticate('basic', { session: false })(req, res, next);
};
const app = express();
app.use(require('helmet')());
app.get('/limited', strict, authenticated, (req, res) => res.json({}));
// A guard of many routes is one cause, told of at the first.
app.get('/orders', authenticated, (req, res) => res.json({})); // ! ratelimit/none
app.post('/orders', authenticated, (req, res) => res.json({}));
app.put('/orders/:id', passport.authenticate(['basic', 'jwt'], { session: false }), (req, res) => res.json({}));
app.delete('/orders/:id', authenticated, (req, res) => res.json({}));
// These are worth a limit for what they are.
app.post('/login', authenticated, (req, res) => res.json({})); // ! ratelimit/none
app.post('/enter', passport.authenticate(['basic', 'local']), (req, res) => res.json({})); // ! ratelimit/none
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
