// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import type { RequestHandler } from 'express';
export const check: RequestHandler = (_req, res) => { res.send('ok'); };
