// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

module.exports = (sequelize, DataTypes) => sequelize.define('Member', { name: DataTypes.STRING, password: DataTypes.STRING },
  { defaultScope: { attributes: { exclude: ['password'] } } });
