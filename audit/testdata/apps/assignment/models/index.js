// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const mongoose = require('mongoose');
exports.Post = mongoose.model('Post', new mongoose.Schema({ title: String, text: String }));
