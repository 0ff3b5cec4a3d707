// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const { Router } = require('express');
const router = new Router({ mergeParams: true });
const ctl = require('../controllers');
router.get('/', ctl.users.list);
router.get('/:id', ctl.users.one);
module.exports = router;
