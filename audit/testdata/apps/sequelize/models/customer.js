// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

module.exports = (sequelize, DataTypes) => {
  const Customer = sequelize.define('Customer', { name: DataTypes.STRING, password: DataTypes.STRING });
  Customer.prototype.toJSON = function () {
    const values = { ...this.get() };
    delete values.password;
    return values;
  };
  return Customer;
};
