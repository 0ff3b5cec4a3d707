// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const { Schema, model } = require('mongoose');
module.exports = model('Post', new Schema({
  title: String,
  author: { type: Schema.Types.ObjectId, ref: 'User' },
  comments: [{ text: String, by: { type: Schema.Types.ObjectId, ref: 'User' } }],
  tags: [{ type: Schema.Types.ObjectId, ref: 'Tag' }],
}));
model('Tag', new Schema({ name: String }));
