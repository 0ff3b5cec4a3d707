// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const db = require('../db');
exports.all = () => db('users').where({ active: true }).orderBy('name');
exports.names = () => db('users').select('id', 'name').where({ active: true });
exports.byId = (id) => db('users').where({ id }).first();
exports.insert = (user) => db('users').insert(user).returning(['id', 'name']); // ! validate/mass-assignment
exports.update = (id, changes) => db('users').where({ id }).update(changes); // ! validate/mass-assignment
exports.rename = (id, name) => db('users').where({ id }).update({ name });
exports.count = () => db('users').count('id as n').first();
