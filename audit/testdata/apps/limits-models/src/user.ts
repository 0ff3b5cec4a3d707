// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import bcrypt from 'bcryptjs';
import { Schema, model } from 'mongoose';
const schema = new Schema({ email: String, password: { type: String, select: false } });
schema.methods.matches = function (this: { password: string }, candidate: string): Promise<boolean> {
  return bcrypt.compare(candidate, this.password);
};
schema.statics.byCredentials = async function (email: string, pass: string) {
  const found = await this.findOne({ email });
  if (!found || !(await bcrypt.compare(pass, found.password))) throw new Error('no');
  return found;
};
export const User = model('User', schema);
