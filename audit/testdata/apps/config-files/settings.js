// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const convict = require('convict');
const settings = convict({
  token: {
    secret: { doc: 'signs tokens', format: String, default: 'change me', env: 'TOKEN_SECRET' },
    strict: { doc: 'signs tokens', format: String, default: null, env: 'STRICT_SECRET', nullable: true },
  },
});
settings.validate({ allowed: 'strict' });
module.exports = settings;
