// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const wrap = (fn) => (req, res, next) => Promise.resolve(fn(req, res, next)).catch(next);
exports.list = wrap(async (req, res) => res.json([]));
exports.one = wrap(async (req, res) => res.json({}));
