// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const { Schema, model } = require('mongoose');
const userSchema = new Schema({ name: String, email: String, password: { type: String, required: true } });
module.exports = model('User', userSchema);
