// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const headers = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'SAMEORIGIN',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'referrer-policy': 'no-referrer',
};
export const secure = () => (req, res, next) => {
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.setHeader('content-security-policy', "default-src 'self'; script-src 'self' 'unsafe-inline'"); // ! headers/csp-weak
  next();
};
