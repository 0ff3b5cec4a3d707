// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const hits = {};
module.exports = function (req, res, next) { // ! ratelimit/spoofed-address
  const who = req.headers['x-forwarded-for'] || req.ip;
  hits[who] = (hits[who] || 0) + 1;
  if (hits[who] > 5) return res.status(429).json({ error: 'slow down' });
  next();
};
