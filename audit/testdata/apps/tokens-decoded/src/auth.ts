// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import type { NextFunction, Request, Response } from 'express';
import jwt from 'jsonwebtoken';
import { keyOf } from './keys';

function bearer(req: Request): string {
  const header = req.headers.authorization as string;
  return header.split(' ')[1];
}
// The header says which key; the token is verified with it.
export function strict(req: Request, res: Response, next: NextFunction): void {
  const token = bearer(req);
  const { header } = jwt.decode(token, { complete: true }) as jwt.Jwt;
  try {
    req.user = jwt.verify(token, keyOf(header.kid as string), { algorithms: ['RS256'] });
    next();
  } catch (e) {
    res.status(401).json({ error: 'sign in again' });
  }
}
export function trusting(req: Request, res: Response, next: NextFunction): void {
  req.user = jwt.decode(bearer(req)); // ! token/unverified
  next();
}
