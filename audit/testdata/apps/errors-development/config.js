// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const env = process.env.NODE_ENV || 'development';
exports.env = env;
exports.isProduction = env === 'production';
exports.isDev = () => process.env.NODE_ENV === 'development';
