// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

module.exports = (sequelize, DataTypes) => {
  const User = sequelize.define('User', { name: DataTypes.STRING, password: DataTypes.STRING, admin: DataTypes.BOOLEAN });
  User.associate = (db) => User.hasMany(db.Order);
  return User;
};
