// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const counts = new Map();
exports.slow = (max) => (req, res, next) => {
  const n = (counts.get(req.ip) || 0) + 1;
  counts.set(req.ip, n);
  if (n > max) return res.status(429).end();
  next();
};
