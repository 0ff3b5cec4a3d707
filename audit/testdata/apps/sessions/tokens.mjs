// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import jwt from 'jsonwebtoken';
const { JWT_SECRET } = process.env;
export function issue(claims) {
  return jwt.sign(claims, 's3cret-in-code'); // ! token/weak-secret, token/no-expiry
}
export const verify = (token) => jwt.verify(token, JWT_SECRET, { algorithms: ['HS256'] });
