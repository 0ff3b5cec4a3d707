// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

module.exports = class ValidationError extends Error {};
