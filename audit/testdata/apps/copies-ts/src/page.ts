// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { model, Schema } from 'mongoose';
export const Page = model('Page', new Schema({ title: String, text: String, published: Boolean }));
