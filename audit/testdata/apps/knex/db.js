// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const knex = require('knex');
module.exports = knex({ client: 'pg', connection: process.env.DATABASE_URL });
