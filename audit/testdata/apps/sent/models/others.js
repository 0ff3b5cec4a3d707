// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const { Schema, model } = require('mongoose');
// Its JSON has no password; its plain objects have.
const member = new Schema({ name: String, password: String }, { toJSON: { transform: (doc, ret) => { delete ret.password; return ret; } } });
exports.Member = model('Member', member);
// Only names are changed.
const admin = new Schema({ name: String, password: String });
admin.set('toJSON', { transform(doc, ret) { ret.id = ret._id; delete ret._id; delete ret.__v; } });
exports.Admin = model('Admin', admin);
// Left out unless asked for.
exports.Customer = model('Customer', new Schema({ name: String, password: { type: String, select: false } }));
const account = new Schema({ name: String, passwordHash: String });
account.methods.toJSON = function () {
  const { passwordHash, ...rest } = this.toObject();
  return rest;
};
exports.Account = model('Account', account);
