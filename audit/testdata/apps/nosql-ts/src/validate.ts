// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import type { Request, Response, NextFunction } from 'express';
import type { ZodSchema } from 'zod';
export const validate = (schema: ZodSchema) => (req: Request, res: Response, next: NextFunction) => {
  const result = schema.safeParse(req.body);
  if (!result.success) {
    res.status(400).json({ errors: result.error.flatten() });
    return;
  }
  req.body = result.data;
  next();
};
