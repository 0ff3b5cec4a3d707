// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const { Router } = require('express');
const rateLimit = require('express-rate-limit');
const strict = rateLimit({ windowMs: 15 * 60 * 1000, limit: 5 });
module.exports = (passport, Account) => {
  const router = Router();
  const local = passport.authenticate('local', { session: false });
  router.post('/enter', passport.authenticate('local', { failureRedirect: '/' }), (req, res) => res.redirect('/')); // ! ratelimit/none
  router.post('/come-in', local, (req, res) => res.redirect('/')); // ! ratelimit/none
  router.post('/slowly', strict, local, (req, res) => res.redirect('/'));
  router.post('/custom', (req, res, next) => { // ! ratelimit/none
    passport.authenticate('local-login', (err, user) => {
      if (err || !user) return res.sendStatus(401);
      req.logIn(user, (failed) => (failed ? next(failed) : res.json({ id: user.id })));
    })(req, res, next);
  });
  router.get('/google', passport.authenticate('google', { scope: ['email'] }));
  router.get('/google/back', passport.authenticate('google', { failureRedirect: '/' }), (req, res) => res.redirect('/'));
  router.post('/orders', passport.authenticate('jwt', { session: false }), (req, res) => res.json({}));
  router.post('/mongoose', (req, res, next) => { // ! ratelimit/none
    Account.authenticate()(req.body.name, req.body.pass, (err, user) => (user ? res.json({ id: user.id }) : next(err)));
  });
  return router;
};
