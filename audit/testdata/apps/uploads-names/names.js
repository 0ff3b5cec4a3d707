// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const path = require('path');
exports.stamped = (file) => `${Date.now()}-${file.originalname}`;
exports.random = (file) => require('crypto').randomUUID() + path.extname(file.originalname).toLowerCase();
exports.kept = (file) => file.originalname.replace(/[^a-z0-9.]/gi, '_');
