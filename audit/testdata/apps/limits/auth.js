// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const router = require('express').Router();
router.post('/signin', (req, res) => res.json({}));
module.exports = router;
