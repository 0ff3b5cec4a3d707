// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { Router } from 'express';
const router = Router();
router.route('/:id')
  .get((_req, res) => { res.end(); })
  .patch((_req, res) => { res.end(); });
export { router };
