// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const session = { secret: process.env.SESSION_SECRET || 'keyboard cat' };
export default { session };
