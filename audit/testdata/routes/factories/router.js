// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const express = require('express');
module.exports = function (deps) {
  const router = express.Router();
  const nested = express.Router({ mergeParams: true });
  nested.route('/').get(list).post(deps.auth, list);
  router.use('/posts/:post/comments', nested);
  router.get('/posts', list);
  return router;
  function list(req, res) { res.json([]); }
};
