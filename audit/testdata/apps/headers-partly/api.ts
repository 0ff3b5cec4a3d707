// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import { Router } from 'express';
export const api = Router();
api.get('/things', (req, res) => { res.json([]); });
