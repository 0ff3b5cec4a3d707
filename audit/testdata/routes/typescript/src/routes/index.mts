// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

export * from './users.mjs';
export { router as default } from './orders.mjs';
