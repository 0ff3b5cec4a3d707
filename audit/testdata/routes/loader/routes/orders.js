// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const router = require('express').Router();
router.get('/', (req, res) => res.json([]));
router.post('/:id/pay', (req, res) => res.json({}));
module.exports = router;
