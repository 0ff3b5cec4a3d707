// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const { Schema, model } = require('mongoose');
module.exports = model('Item', new Schema({ name: String, kind: String, active: Boolean }));
