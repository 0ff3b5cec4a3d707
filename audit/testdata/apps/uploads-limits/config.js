// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
exports.maxSize = process.env.MAX_FILE_SIZE || 10 * 1024 * 1024 * 1024;
exports.fair = Number(process.env.FAIR_SIZE || 1048576);
