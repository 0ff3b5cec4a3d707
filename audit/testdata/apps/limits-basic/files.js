// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const passport = require('passport');
const router = require('express').Router();
router.get('/files', (req, res, next) => passport.authenticate('basic')(req, res, next), (req, res) => res.json({}));
module.exports = router;
