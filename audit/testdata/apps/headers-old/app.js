// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const helmet = require('helmet');
const app = express();
app.use(helmet()); // ! headers/csp-missing
app.get('/', (req, res) => res.send('x'));
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
const inner = express();
inner.use(helmet.hidePoweredBy());
inner.use(helmet.hsts({ maxAge: 31536000 }));
inner.use(helmet.noSniff());
inner.use(helmet.frameguard());
inner.use(helmet.contentSecurityPolicy({ directives: { defaultSrc: ["'self'"] } }));
inner.get('/', (req, res) => res.send('x'));
inner.use((err, req, res, next) => { res.status(500).end(); });
inner.listen(3001);
const third = express(); // ! headers/none
third.use(helmet.hidePoweredBy());
third.use(helmet.xssFilter());
third.use(helmet.ieNoOpen());
third.use(helmet.noSniff());
third.get('/', (req, res) => res.send('x'));
third.use((err, req, res, next) => { res.status(500).end(); });
third.listen(3002);
const fourth = express();
fourth.disable('x-powered-by');
fourth.use(require('lusca')({ csp: { policy: { 'default-src': "'self'" } }, hsts: { maxAge: 31536000 }, nosniff: true, xframe: 'DENY' }));
fourth.get('/', (req, res) => res.send('x'));
fourth.use((err, req, res, next) => { res.status(500).end(); });
fourth.listen(3003);
