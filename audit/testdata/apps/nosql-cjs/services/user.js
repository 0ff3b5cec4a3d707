// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const Item = require('../models/item');
exports.byName = (name) => Item.find({ name }).sort('name'); // ! nosql/operator
exports.exact = async (name) => Item.findOne({ name });
exports.loose = async (name) => {
  const item = await Item.findOne({ name: name }); // ! nosql/operator
  return item;
};
exports.all = (query) => Item.find(query); // ! nosql/operator
exports.eq = (name) => Item.findOne({ name: { $eq: name } });
exports.where = (name, done) => Item.find({ $where: `this.name == '${name}'` }, done); // ! nosql/code
exports.exactAll = (by) => Item.find(by);
exports.built = (by) => Item.find(by); // ! nosql/operator
