// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
export const written = new TextEncoder().encode('a secret that everybody can read');
export const good = new TextEncoder().encode(process.env.JWT_SECRET);
