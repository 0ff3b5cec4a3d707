// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

'use strict';

const crypto = require('node:crypto');
const bcrypt = require('bcryptjs');
const mongoose = require('mongoose');
const products = require('./products.json');

const userSchema = new mongoose.Schema({
  name: String,
  email: String,
  password: String, // in plain text, for the old login
  passwordHash: String, // for the form login
  role: { type: String, default: 'user' }
});

userSchema.pre('save', async function () {
  if (this.isModified('password')) {
    this.passwordHash = await bcrypt.hash(this.password, 8);
  }
});

const productSchema = new mongoose.Schema({
  sku: String,
  name: String,
  price: Number,
  rating: Number
});

const User = mongoose.model('User', userSchema);
const Product = mongoose.model('Product', productSchema);

// seed fills an empty database. Nobody is told the admin's password.
async function seed() {
  if (await User.countDocuments() > 0) {
    return;
  }
  await User.create({
    name: 'Admin',
    email: 'admin@shop.example',
    password: crypto.randomBytes(24).toString('base64url'),
    role: 'admin'
  });
  await User.create({ name: 'Alice', email: 'alice@shop.example', password: 'sunshine1' });
  await Product.insertMany(products);
}

module.exports = { User, Product, seed };
