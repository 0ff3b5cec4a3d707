// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const express = require('express');
const app = express();
const router = express.Router();
const a = (req, res, next) => next();
router.use(a);
router.route('/').get(a, (req, res) => res.send('x')).post([a, a], (req, res) => res.send('x'));
router.route('/:id').put(a).delete(a);
app.use('/users', a, router);
app.use(['/v1', '/v2'], router);
app.all('/any', a);
app.get(['/one', '/two'], [a, [a]], (req, res) => res.end());
app.get(/^\/re.*$/, a);
app.listen(3000);
