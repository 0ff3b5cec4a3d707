// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import type { Request } from 'express';
import multer from 'multer';
import path from 'path';
type Answer = multer.FileFilterCallback;
const allowed = ['image/png', 'image/jpeg'];
function looksLikeImage(file: Express.Multer.File): boolean {
  return /jpeg|jpg|png/.test(path.extname(file.originalname).toLowerCase());
}
export const everything = (req: Request, file: Express.Multer.File, cb: Answer): void => {
  console.log(file.originalname);
  cb(null, true);
};
export const byExtension = (req: Request, file: Express.Multer.File, cb: Answer): void => {
  if (looksLikeImage(file)) cb(null, true);
  else cb(new Error('images only'));
};
export const byBoth = (req: Request, file: Express.Multer.File, cb: Answer): void => {
  const type = /image/.test(file.mimetype);
  if (type && looksLikeImage(file)) return cb(null, true);
  cb(new Error('images only'));
};
export function byType(req: Request, file: Express.Multer.File, cb: Answer): void {
  check(file, cb);
}
function check(file: Express.Multer.File, cb: Answer): void {
  cb(null, allowed.includes(file.mimetype));
}
export const byField = (req: Request, file: Express.Multer.File, cb: Answer): void => cb(null, file.fieldname === 'avatar');
