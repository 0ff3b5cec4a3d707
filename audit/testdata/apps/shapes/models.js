// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import mongoose from 'mongoose';
export const Item = mongoose.model('Item', new mongoose.Schema({ name: String, owner: Object, price: Number }));
