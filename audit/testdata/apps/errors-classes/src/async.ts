// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import type { NextFunction, Request, RequestHandler, Response } from 'express';
type Work = (req: Request, res: Response, next: NextFunction) => Promise<unknown>;
export const wrap = (work: Work): RequestHandler => (req, res, next) => {
  work(req, res, next).catch(next);
};
