// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const values = JSON.parse(require('fs').readFileSync(process.env.CONFIG));
exports.get = (key) => values[key];
exports.debugMode = values.debugMode;
exports.verbose = values.verbose;
