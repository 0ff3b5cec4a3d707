// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const mongoose = require('mongoose');
const userSchema = new mongoose.Schema({ name: String, password: { type: String, required: true } });
exports.User = mongoose.model('User', userSchema);
