// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import { Router } from 'express';
export const api = Router();
api.get('/things', (req, res) => { res.json([]); });
api.use((err, req, res, next) => {
  res.status(500).json({ error: 'Internal server error' });
});
