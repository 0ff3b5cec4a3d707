// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const router = express.Router();
router.get('/', function (req, res, next) {
  res.render('index', { title: 'Express' });
});
module.exports = router;
