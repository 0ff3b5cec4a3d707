// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const router = require('express').Router();
const db = require('../db');
async function list(req, res, next) { // ! errors/unhandled-rejection
  try {
    res.json(await db.all());
  } finally {
    res.end();
  }
}
router.get('/', list);
module.exports = router;
