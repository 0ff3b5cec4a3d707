// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import type { ErrorRequestHandler } from 'express';
import { HttpError } from './errors';
export const problems: ErrorRequestHandler = (err, req, res, next) => {
  if (res.headersSent) return next(err);
  if (err instanceof HttpError) return res.status(err.status).json({ message: err.message });
  switch (err.name) {
    case 'ValidationError':
      return res.status(422).json({ message: err.message });
    case 'JsonWebTokenError':
      return res.status(401).json({ message: 'sign in again' });
  }
  if (err.code === 11000) return res.status(409).json({ message: 'exists already' });
  if (err.type === 'entity.parse.failed') return res.status(400).json({ message: err.message });
  const status = err.status || 500;
  const message = status === 500 ? 'Internal server error' : err.message;
  res.status(status).json({ message });
};
export const loose: ErrorRequestHandler = (err, req, res, next) => {
  const { status = 500, message } = err;
  res.status(status).json({ message }); // ! errors/leak
};
